/** A text as one word of a POSIX shell's command line, whatever its characters are. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
