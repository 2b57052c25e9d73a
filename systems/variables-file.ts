/** A variable that a settings file sets. */
export interface Variable {
  name: string;
  value: string;
  /** Number of the line that sets it, from 1. */
  line: number;
}

/** A line of a settings file that cannot be taken as it is. */
export interface VariablesProblem {
  line: number;
  /** The variable that the line would set, where that is known. */
  name?: string;
  /** What is wrong, as a sentence without a full stop. Holds no value, which may be secret. */
  message: string;
}

/** What a settings file says. */
export interface VariablesFile {
  /** In the order of the file; of a variable that is set twice, the last. */
  variables: Variable[];
  problems: VariablesProblem[];
}

/** A word of a shell's line, unquoted; or why only a shell could tell what it is. */
interface Word {
  text: string;
  line: number;
  problem?: string;
}

const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

/**
 * Reads a file of shell assignments, `NAME="value"` with or without `export`, as a shell would: quotes, backslashes,
 * continued lines, comments, `~`, and variables that the file itself or `environment` sets. Nothing is executed: what
 * only a shell could evaluate is a problem.
 *
 * Source: POSIX.1-2017, "Shell Command Language", 2.2 Quoting, 2.3 Token Recognition and 2.6 Word Expansions.
 *
 * @param environment variables that are set beforehand, such as HOME
 */
export function parseVariables(text: string, environment: Readonly<Record<string, string>>): VariablesFile {
  const found = new Map<string, Variable>();
  const problems: VariablesProblem[] = [];
  const scanner = new Scanner(text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n"), (name) =>
    Object.hasOwn(environment, name) && !found.has(name) ? environment[name] : found.get(name)?.value,
  );
  for (;;) {
    const words = scanner.command();
    if (words === undefined) return { variables: [...found.values()], problems };
    const isExport = words[0]?.text === "export";
    for (const { text: word, line, problem } of isExport ? words.slice(1) : words) {
      const [, name, value = ""] = assignment.exec(word) ?? [];
      if (problem !== undefined) {
        problems.push({ line, ...(name !== undefined && { name }), message: problem });
        if (name === undefined) break;
      } else if (name !== undefined) {
        found.delete(name);
        found.set(name, { name, value, line });
      } else if (!(isExport && found.has(word))) {
        problems.push({ line, message: "is no assignment, and the file is read, not executed" });
        break;
      }
    }
  }
}

class Scanner {
  readonly #text: string;
  readonly #valueOf: (name: string) => string | undefined;
  #at = 0;
  #line = 1;

  constructor(text: string, valueOf: (name: string) => string | undefined) {
    this.#text = text;
    this.#valueOf = valueOf;
  }

  /** The words up to the end of a command; undefined at the end of the text. */
  command(): Word[] | undefined {
    this.#skip(/[\s;]*(?:#.*)?/y, (skipped) => skipped !== "");
    if (this.#at >= this.#text.length) return undefined;
    const words: Word[] = [];
    while (!/[\n;]|^$/.test(this.#peek())) {
      words.push(this.#word());
      this.#skip(/(?:[^\S\n]|\\\n)*(?:#.*)?/y, () => false);
    }
    return words;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  /** Goes behind what the pattern matches here, and on as long as `again` says so. */
  #skip(pattern: RegExp, again: (skipped: string) => boolean): void {
    let skipped: string;
    do skipped = this.#take(pattern)?.[0] ?? "";
    while (again(skipped));
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    this.#line += match[0].split("\n").length - 1;
    return match;
  }

  #word(): Word {
    const line = this.#line;
    let text = "";
    let problem: string | undefined;
    let quoted = false;
    for (;;) {
      const isTilde = !quoted && /^[A-Za-z_][A-Za-z0-9_]*=$/.test(text) && this.#take(/~(?=[/\s;]|$)/y) !== undefined;
      const next = isTilde ? "~" : this.#peek();
      const isEnd = next === "" || (!quoted && /[\s;]/.test(next));
      if (isTilde) {
        const home = this.#valueOf("HOME");
        if (home === undefined) problem ??= "holds ~, but there is no HOME";
        text += home ?? "";
      } else if (isEnd) {
        if (quoted) problem ??= "opens a quotation mark that nothing closes";
        return { text, line, ...(problem !== undefined && { problem }) };
      } else if (next === '"') {
        this.#at += 1;
        quoted = !quoted;
      } else if (next === "'" && !quoted) {
        const match = this.#take(/'([^']*)'/y);
        if (match === undefined) {
          problem ??= "opens a quotation mark that nothing closes";
          this.#take(/[^]*/y);
        }
        text += match?.[1] ?? "";
      } else if (next === "\\") {
        text += this.#escaped(quoted);
      } else if (next === "$" || next === "`") {
        const expanded = this.#expansion();
        if (typeof expanded === "string") text += expanded;
        else problem ??= expanded.problem;
      } else {
        if (!quoted && /[&|<>()]/.test(next))
          problem ??= `holds ${next} outside quotation marks, which a shell acts upon`;
        text += this.#take(/[^]/y)?.[0] ?? "";
      }
    }
  }

  /** What a backslash and the character behind it mean. */
  #escaped(quoted: boolean): string {
    const [, next = ""] = this.#take(/\\([^]?)/y) ?? [];
    if (next === "\n") return "";
    return next === "" || (quoted && !/["$`\\]/.test(next)) ? `\\${next}` : next;
  }

  /** The value of a variable, or why there is none. */
  #expansion(): string | { problem: string } {
    const [, braced, bare] = this.#take(/\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/y) ?? [];
    const name = braced ?? bare;
    if (name !== undefined) {
      const value = this.#valueOf(name);
      return value ?? { problem: `refers to ${name}, which nothing above sets` };
    }
    if (this.#take(/\$(?=[\s"%+,./:=\]^}~]|$)/y) !== undefined) return "$";
    // A command's end is not searched for: the rest of the line is its.
    this.#take(/.*/y);
    return { problem: "holds what only a shell could evaluate, and the file is read, not executed" };
  }
}
