/** One thing to type that mends a setting; keys as {@link settingKey} writes them. */
export type Step = { set: string; value: string } | { unset: string } | { setSecret: string };

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

/** The command for a step, ready to be pasted into a shell. */
export function command(step: Step, stack: string): string {
  const pulumi = (verb: string) => `pulumi config --stack ${quoted(stack)} ${verb}`;
  if ("setSecret" in step) {
    return `${pulumi("set --secret")} ${pathArgument(step.setSecret)}   # asks for the value`;
  }
  if ("unset" in step) return `${pulumi("rm")} ${pathArgument(step.unset)}`;
  const value = quoted(step.value);
  return `${pulumi("set")} ${pathArgument(step.set)} ${value.startsWith("-") ? `-- ${value}` : value}`;
}

function pathArgument(key: string): string {
  return /[.[]/.test(key) ? `--path ${quoted(key)}` : quoted(key);
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_.:/@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
