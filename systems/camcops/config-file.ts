/** A `camcops.conf` that exists. */
export interface ConfigFile {
  /** Values by section and key. Keys are in capital letters, as CamCOPS's are: the file's are read in any case. */
  sections: Map<string, Map<string, string>>;
  /** What CamCOPS itself could not read, each a sentence that holds no value. */
  problems: string[];
}

/**
 * Reads `camcops.conf` as CamCOPS does, by `configparser.ConfigParser` of Python 3.
 *
 * Source: `RawConfigParser._read` and `BasicInterpolation` in Python's `configparser.py`.
 */
export function readConfigFile(text: string): ConfigFile {
  const sections = new Map<string, Map<string, string[]>>();
  const problems: string[] = [];
  let section: Map<string, string[]> | undefined;
  let value: string[] | undefined;
  let indentation = 0;
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|[\n\r]/)
    .entries()) {
    const content = line.trim();
    if (/^[#;]/.test(content)) continue;
    if (content === "") {
      value?.push("");
      continue;
    }
    const indent = line.length - line.trimStart().length;
    if (value !== undefined && indent > indentation) {
      value.push(content);
      continue;
    }
    indentation = indent;
    value = undefined;
    const header = /^\[(.+)\]/.exec(content)?.[1];
    if (header !== undefined) {
      if (sections.has(header)) problems.push(`Line ${index + 1} begins the section [${header}] again.`);
      section = sections.get(header) ?? new Map<string, string[]>();
      sections.set(header, section);
      continue;
    }
    const [, key = "", first = ""] = /^(.*?)\s*[=:]\s*(.*)$/.exec(content) ?? [];
    if (section === undefined || key === "") {
      problems.push(`Line ${index + 1} is neither a section nor a key with its value.`);
      continue;
    }
    const name = key.toUpperCase();
    if (section.has(name)) problems.push(`Line ${index + 1} sets ${name} again.`);
    value = [first];
    section.set(name, value);
  }
  return { sections: interpolated(sections, problems), problems };
}

const defaultSection = "DEFAULT";

/** Values with `%(KEY)s` replaced by the value of another key of the section or of [DEFAULT], and `%%` by `%`. */
function interpolated(
  sections: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>,
  problems: string[],
): Map<string, Map<string, string>> {
  const defaults = sections.get(defaultSection) ?? new Map<string, readonly string[]>();
  const read = new Map<string, Map<string, string>>();
  for (const [section, own] of sections) {
    if (section === defaultSection) continue;
    const written = new Map([...defaults, ...own]);
    const expand = (key: string, depth: number): string => {
      const text = (written.get(key) ?? []).join("\n").trimEnd();
      return text.replace(/%(?:(%)|\(([^)]+)\)s)?/g, (_, percent: string | undefined, name: string | undefined) => {
        if (percent !== undefined) return "%";
        const other = name?.toUpperCase();
        if (other !== undefined && written.has(other) && depth < 10) return expand(other, depth + 1);
        throw new Error(
          other === undefined ? "a % that is not doubled" : `a reference to ${other}, which leads nowhere`,
        );
      });
    };
    const values = new Map<string, string>();
    for (const key of written.keys()) {
      try {
        values.set(key, expand(key, 0));
      } catch (error) {
        problems.push(`[${section}] ${key} holds ${(error as Error).message}.`);
      }
    }
    read.set(section, values);
  }
  return read;
}
