import type { Variable, VariablesFile, VariablesProblem } from "./variables-file.ts";

/** Values that a `$` refers to, or undefined. */
type Lookup = (name: string) => string | undefined;

/** A value as it is meant, or why it cannot be told. */
type Value = { text: string } | { problem: string };

const start = /(?:export[^\S\n]+)?([A-Za-z_][A-Za-z0-9_.-]*)[^\S\n]*(?:([=:])[^\S\n]*|(?=\n|#|$))/y;
const blanks = /[\s]*(?:#[^\n]*)?/y;
const restOfLine = /[^\n]*/y;

/**
 * Reads a file of environment variables as Docker Compose does, `NAME=value` with or without `export`: a value without
 * quotation marks goes to the line's end or to a `#` behind a blank; within `"` backslashes escape; within `'` all stands for
 * itself; `$NAME` and `${NAME:-default}` refer to what the file itself or `environment` sets. Nothing is executed: what
 * cannot be told is a problem.
 *
 * Source: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
 *
 * @param environment variables that are set beforehand, such as HOME
 */
export function parseEnvFile(text: string, environment: Readonly<Record<string, string>>): VariablesFile {
  const source = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const found = new Map<string, Variable>();
  const problems: VariablesProblem[] = [];
  const lookup: Lookup = (name) =>
    found.get(name)?.value ?? (Object.hasOwn(environment, name) ? environment[name] : undefined);
  let at = 0;
  let line = 1;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match === null) return undefined;
    at += match[0].length;
    line += match[0].split("\n").length - 1;
    return match;
  };

  for (;;) {
    while ((take(blanks)?.[0] ?? "") !== "");
    if (at >= source.length) return { variables: [...found.values()], problems };
    const where = line;
    const [, name, separator] = take(start) ?? [];
    if (name === undefined) {
      take(restOfLine);
      problems.push({ line: where, message: "is no assignment, and the file is read, not executed" });
      continue;
    }
    if (separator === undefined) {
      take(restOfLine);
      problems.push({ line: where, name, message: "has no value: it comes from the shell that starts Docker Compose" });
      continue;
    }
    const value = takeValue(take, () => source.charAt(at - 1), lookup);
    if ("problem" in value) {
      problems.push({ line: where, name, message: value.problem });
    } else {
      found.delete(name);
      found.set(name, { name, value: value.text, line: where });
    }
  }
}

/** Takes a value up to its line's end. */
function takeValue(
  take: (pattern: RegExp) => RegExpExecArray | undefined,
  before: () => string,
  lookup: Lookup,
): Value {
  const [, double, single] = take(/"((?:\\[^]|[^"\\])*)"|'((?:\\'|[^'])*)'/y) ?? [];
  if (double !== undefined || single !== undefined) {
    const rest = take(restOfLine)?.[0].trim() ?? "";
    if (rest !== "" && !rest.startsWith("#")) return { problem: "goes on behind its closing quotation mark" };
    return double === undefined ? { text: (single ?? "").replaceAll("\\'", "'") } : expanded(double, lookup, "quoted");
  }
  const followsBlank = /\s/.test(before());
  const written = take(restOfLine)?.[0] ?? "";
  if (/^["']/.test(written)) return { problem: "opens a quotation mark that nothing closes" };
  return expanded((followsBlank ? ` ${written}` : written).replace(/\s#.*$/, "").trim(), lookup, "plain");
}

const reference = String.raw`\$(?:(?<dollar>\$)|\{(?<braced>[^{}]*)\}|(?<bare>[A-Za-z_][A-Za-z0-9_]*))`;
const patterns = {
  plain: new RegExp(reference, "g"),
  quoted: new RegExp(String.raw`\\(?<escaped>[^])|${reference}`, "g"),
};
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** A value with what it refers to in place; within quotation marks, with what its backslashes mean. */
function expanded(written: string, lookup: Lookup, kind: keyof typeof patterns): Value {
  let problem: string | undefined;
  const text = written.replace(patterns[kind], (...found) => {
    const { escaped, dollar, braced, bare } = found.at(-1) as Partial<Record<string, string>>;
    if (escaped !== undefined) return escapes[escaped] ?? escaped;
    if (dollar !== undefined) return dollar;
    const [, name, orEmpty, standard] = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?)-([^]*))?$/.exec(bare ?? braced ?? "") ?? [];
    if (name === undefined) {
      problem ??= "holds ${…}, which only Docker Compose could evaluate";
      return "";
    }
    const set = lookup(name);
    // `:-` takes an empty value for none, `-` does not.
    const value = set === "" && orEmpty === ":" ? standard : (set ?? standard);
    if (value === undefined) {
      problem ??= `refers to ${name}, which nothing above sets; a $ that stands for itself is written $$, or within '…'`;
    }
    return value ?? "";
  });
  return problem === undefined ? { text } : { problem };
}
