/** Values that are encrypted in the stack's file, or whose name or form says that they should be, are never shown. */
const hiddenText = "(hidden)";
const longest = 120;

/** The value of the setting called `name` as it is shown to the user: JSON on one line, shortened, without secrets. */
export function received(name: string, value: unknown): string {
  if (value === undefined) return "nothing";
  if (looksSecret(name)) return hiddenText;
  const shown = JSON.stringify(value, (key, part: unknown) => {
    if (looksSecret(key)) return hiddenText;
    return typeof part === "string" ? withoutSecrets(part) : part;
  });
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
}

function looksSecret(name: string): boolean {
  return /pass(?:word|phrase|wd)|secret|token|api_?key/i.test(name);
}

/** The text without the password of a URL, and without a private key that was pasted where its path belongs. */
function withoutSecrets(text: string): string {
  return text.includes("PRIVATE KEY") ? hiddenText : text.replace(/:\/\/.*@/s, `://${hiddenText}@`);
}
