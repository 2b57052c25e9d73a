/**
 * The words before and after `--`, which is left out of the words that a command gets.
 *
 * @param words the words that are no options
 * @param argv all words of the command line
 */
export function aroundDashes(words: readonly string[], argv: readonly string[]): [before: string[], after: string[]] {
  const dashes = argv.indexOf("--");
  const number = dashes === -1 ? 0 : argv.length - dashes - 1;
  const at = words.length - number;
  return [words.slice(0, at), words.slice(at)];
}
