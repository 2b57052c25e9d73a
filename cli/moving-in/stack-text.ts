import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, isSeq, parse, parseDocument, stringify, type Node, type YAMLMap } from "yaml";
import { Failure } from "../failure.ts";

/** Lines of a text that others take the place of. */
interface Edit {
  /** Index of the first line. */
  from: number;
  /** Index of the line behind the last one. */
  to: number;
  lines: string[];
}

type Values = Readonly<Record<string, unknown>>;

/** The default of a setting, by its path below `config:`; undefined: it has none. */
export type DefaultOf = (path: readonly string[]) => unknown;

/**
 * The text of a stack's file with other values and with all its comments: a value takes the place of the former one or of
 * the example in a comment, and what the values do not name becomes such an example, with its default.
 *
 * @param config the keys below `config:`; those that it does not name stay as they are
 * @param defaultOf what applies to a setting that is not set. Default: not known, and the file's own value is the example
 * @throws Failure when the file is not laid out as the examples are.
 */
export function withConfig(text: string, config: Values, defaultOf: DefaultOf = () => undefined): string {
  const lines = text.split("\n");
  const root = parseDocument(text).get("config");
  if (!isMap(root)) throw new Failure(`The stack file has no block "config:". Put one there, as the examples have it.`);
  const lineOf = lineFinder(text);
  const edits = editsOf(root, config, { lines, lineOf, defaultOf, path: [], keepsOthers: true });
  for (const { from, to, lines: changed } of edits.sort((a, b) => b.from - a.from)) {
    lines.splice(from, to - from, ...changed);
  }
  const result = lines.join("\n");
  const { config: read } = parse(result) as { config: Values };
  const wrong = Object.keys(config).filter((key) => !isDeepStrictEqual(read[key], withoutEmpty(config[key])));
  if (wrong.length > 0) {
    throw new Failure(
      `The stack file's layout keeps ${wrong.join(", ")} from being set. Take the key out of the file.`,
    );
  }
  return result;
}

interface Layout {
  lines: readonly string[];
  lineOf: (offset: number) => number;
  defaultOf: DefaultOf;
  /** The path of the group below `config:`. */
  path: readonly string[];
  /** Whether keys that are not wanted stay. */
  keepsOthers: boolean;
}

interface Pair {
  name: string;
  value: Node | null;
  from: number;
  to: number;
}

function editsOf(map: YAMLMap, wanted: Values, layout: Layout): Edit[] {
  const { lines, lineOf, keepsOthers } = layout;
  const pairs = map.items.map(({ key, value }) => {
    const from = lineOf(startOf(key));
    return {
      name: String(isScalar(key) ? key.value : key),
      value: value as Node | null,
      from,
      to: lastLine(key, value, lineOf) + 1,
    };
  });
  const indent = /^ */.exec(lines[pairs[0]?.from ?? 0] ?? "")?.[0] ?? "";
  const first = startOfComments(lines, pairs[0]?.from ?? 0, indent);
  const end = endOfComments(lines, Math.max(...pairs.map(({ to }) => to)), indent);

  const changes = pairs.flatMap(({ name, value, from, to }): Edit[] => {
    const next = withoutEmpty(wanted[name]);
    if (next === undefined) {
      return keepsOthers ? [] : [{ from, to, lines: asExample({ name, value, from, to }, indent, layout) }];
    }
    if (isDeepStrictEqual(value?.toJSON(), next)) return [];
    if (isMap(value) && value.flow !== true && isGroup(next) && value.get("kind") === next["kind"]) {
      return editsOf(value, next, { ...layout, path: [...layout.path, name], keepsOthers: false });
    }
    return [{ from, to, lines: written(name, next, indent) }];
  });
  const known = new Set(pairs.map(({ name }) => name));
  const appended: string[] = [];
  const uncommented = Object.entries(wanted).flatMap(([name, value]): Edit[] => {
    const next = withoutEmpty(value);
    if (next === undefined || known.has(name)) return [];
    const example = exampleOf(lines, first, end, indent, name);
    if (example !== undefined) return [{ ...example, lines: written(name, next, indent) }];
    appended.push(...written(name, next, indent));
    return [];
  });
  return [...changes, ...uncommented, { from: end, to: end, lines: appended }];
}

/** The lines of a pair as a comment that shows defaults. */
function asExample({ name, value, from, to }: Pair, indent: string, layout: Layout): string[] {
  const defaults = new Map(defaultsWithin(value, from, [...layout.path, name], layout));
  return layout.lines.slice(from, to).map((line, offset) => {
    if (line.trim() === "") return line;
    const example = line.slice(indent.length);
    const standard = defaults.get(from + offset);
    return `${indent}# ${standard === undefined ? example : example.replace(/^( *[^ :]+:).*$/, `$1 ${standard}`)}`;
  });
}

/** The defaults of the single values in a node, by their lines. */
function defaultsWithin(node: Node | null, line: number, path: readonly string[], layout: Layout): [number, string][] {
  if (isMap(node) && node.flow !== true) {
    return node.items.flatMap(({ key, value }) =>
      defaultsWithin(value as Node | null, layout.lineOf(startOf(key)), [...path, String(key)], layout),
    );
  }
  const standard = layout.defaultOf(path);
  return ["string", "number", "boolean"].includes(typeof standard) ? [[line, stringify(standard).trimEnd()]] : [];
}

function isGroup(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value without its empty groups, which a file cannot tell from nothing. */
function withoutEmpty(value: unknown): unknown {
  if (!isGroup(value)) return value;
  const rest = Object.entries(value)
    .map(([key, part]) => [key, withoutEmpty(part)] as const)
    .filter(([, part]) => part !== undefined);
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

function written(name: string, value: unknown, indent: string): string[] {
  return stringify({ [name]: value }, { lineWidth: 0 })
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? line : indent + line));
}

/** Where a comment shows an example of a key: its line, and those of what is within. */
function exampleOf(lines: readonly string[], first: number, end: number, indent: string, name: string) {
  const from = lines.findIndex(
    (line, index) => index >= first && index < end && line.startsWith(`${indent}# ${name}:`),
  );
  if (from === -1) return undefined;
  let to = from + 1;
  while (lines[to]?.startsWith(`${indent}#   `) === true) to += 1;
  return { from, to };
}

/** The first of the comments above a group's first key. */
function startOfComments(lines: readonly string[], from: number, indent: string): number {
  let start = from;
  while (start > 0 && (lines[start - 1]?.startsWith(`${indent}#`) === true || lines[start - 1]?.trim() === ""))
    start -= 1;
  return start;
}

/** The line behind the comments that follow a group and are indented as it is. */
function endOfComments(lines: readonly string[], from: number, indent: string): number {
  let end = from;
  for (let at = from; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    if (line.trim() === "") continue;
    if (!line.startsWith(`${indent}#`) && !new RegExp(`^${indent} +#`).test(line)) break;
    end = at + 1;
  }
  return end;
}

function startOf(node: unknown): number {
  return (node as Node).range?.[0] ?? 0;
}

function lastLine(key: unknown, value: unknown, lineOf: Layout["lineOf"]): number {
  if ((isMap(value) || isSeq(value)) && value.flow !== true && value.items.length > 0) {
    const item = value.items.at(-1);
    return isMap(value)
      ? lastLine((item as { key: unknown }).key, (item as { value: unknown }).value, lineOf)
      : lastLine(item, item, lineOf);
  }
  const [start = 0, end = 0] = (value as Node | null)?.range ?? (key as Node).range ?? [];
  return lineOf(Math.max(start, end - 1));
}

/** Tells on which line of a text, from 0, a character stands. */
function lineFinder(text: string): (offset: number) => number {
  return (offset) => text.slice(0, offset).split("\n").length - 1;
}
