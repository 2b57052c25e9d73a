/**
 * Which paths of a build context its `.dockerignore` leaves out; paths are relative to the context, with `/`.
 *
 * Source: https://docs.docker.com/build/concepts/context/#dockerignore-files (character classes are taken literally)
 */
export interface DockerIgnore {
  isIgnored: (path: string) => boolean;
  /** Whether something within an ignored folder may be no part of what is left out. */
  hasExceptions: boolean;
}

/** Reads the text of a `.dockerignore`. */
export function dockerIgnore(text: string): DockerIgnore {
  const rules = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const isException = line.startsWith("!");
      return { isException, pattern: regularExpression(isException ? line.slice(1).trim() : line) };
    });
  return {
    isIgnored: (path) => rules.findLast(({ pattern }) => pattern.test(path))?.isException === false,
    hasExceptions: rules.some(({ isException }) => isException),
  };
}

/** Matches what a pattern names, and everything below. */
function regularExpression(pattern: string): RegExp {
  const source = pattern
    .replace(/^\.?\/+/, "")
    .replace(/\/+$/, "")
    .replaceAll(/\*\*\/?|\*|\?|[\\^$.|+()[\]{}]/g, (found) => {
      switch (found) {
        case "**/":
          return "(?:.*/)?";
        case "**":
          return ".*";
        case "*":
          return "[^/]*";
        case "?":
          return "[^/]";
        default:
          return `\\${found}`;
      }
    });
  return new RegExp(`^${source}(?:/.*)?$`, "s");
}
