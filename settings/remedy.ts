/** One thing to do that mends a setting; keys as `settingKey` writes them. */
export type Step =
  | { set: string; value: string }
  | { unset: string }
  | { rename: string; to: string }
  | { setSecret: string }
  | { advice: string };

/** Reports that the setting at `path` breaks a rule: what is wrong and allowed, and what mends it. */
export type Report = (path: PropertyKey[], message: string, ...remedy: Step[]) => void;

/** A step as a command that is ready to be pasted into a shell, or as advice. */
export function instruction(step: Step, stack: string): string {
  const pulumi = (verb: string) => `pulumi config --stack ${quoted(stack)} ${verb}`;
  if ("advice" in step) return step.advice;
  if ("rename" in step) return `rename ${step.rename} to ${step.to} in the stack's file`;
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

/** A word of a shell's command line, between quotation marks where it needs them. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_.:/@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
