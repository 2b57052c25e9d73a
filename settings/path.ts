/** A setting's place in the notation of `pulumi config set --path`, such as `camcops.config["recipient:x"].TASKS`. */
export function settingKey(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const name = String(part);
      if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) return `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join("");
}

/** What stands at `path` within `settings`. */
export function valueAt(settings: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => new Map(entries(value)).get(String(key)), settings);
}

/** The entries of a mapping or list; none for anything else. */
export function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
