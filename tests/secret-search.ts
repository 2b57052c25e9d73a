/** Where a secret stands in plain text. */
export interface Finding {
  secret: string;
  /** The keys that lead to it. */
  path: string[];
}

/** Searches texts and keys at any depth for secrets in any of their forms. What is marked as secret is left out. */
export function findSecrets(value: unknown, secrets: readonly string[]): Finding[] {
  const forms = secrets.map((secret) => [secret, formsOf(secret)] as const);
  const search = (inner: unknown, path: string[]): Finding[] => {
    if (typeof inner === "string") {
      return forms.flatMap(([secret, texts]) => (texts.some((text) => inner.includes(text)) ? [{ secret, path }] : []));
    }
    if (typeof inner !== "object" || inner === null || isMarked(inner)) return [];
    return Object.entries(inner).flatMap(([key, each]) => [...search(key, path), ...search(each, [...path, key])]);
  };
  return search(value, []);
}

function isMarked(value: object): boolean {
  return Object.keys(value).join() === "secret";
}

/** The forms in which a secret's text may turn up: as it is, escaped for a file, URL-encoded, and inside base64. */
export function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret);
  const backslashes = secret.replaceAll("\\", "\\\\");
  return [
    ...new Set([
      secret,
      JSON.stringify(secret).slice(1, -1),
      // SQL, and Python's configparser
      backslashes.replaceAll("'", "''"),
      secret.replaceAll("%", "%%"),
      encoded,
      encoded.replaceAll("%20", "+"),
      ...base64Forms(secret),
    ]),
  ];
}

/** Base64 takes three bytes at a time, so a text has three forms, by its place. Its ends vary with what is beside it. */
function base64Forms(text: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64");
    const form = whole.slice(before === 0 ? 0 : 4);
    return form.length < 8 ? [] : [form, form.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
