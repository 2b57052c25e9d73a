import { quoted, type Step } from "../../settings/remedy.ts";
import type { SystemName } from "../../settings/systems.ts";

/** What mends a setting of a stack whose file `init` has not written yet: another answer. */
export function answerFor(system: SystemName, step: Step): string {
  const own = (key: string) => (key.startsWith(`${system}.`) ? key.slice(system.length + 1) : key);
  if ("advice" in step) return step.advice;
  if ("setSecret" in step) return `give ${step.setSecret} in a file, by --answers FILE`;
  if ("rename" in step) return `rename ${own(step.rename)} to ${own(step.to)}`;
  if ("unset" in step) return `leave ${own(step.unset)} out`;
  if (step.set === "environment") return `--environment ${step.value}`;
  const firstItem = "[0]";
  const [key, value] = step.set.endsWith(firstItem)
    ? [own(step.set).slice(0, -firstItem.length), `[${step.value}]`]
    : [own(step.set), step.value];
  // `--set` takes keys without brackets only.
  return /^[A-Za-z][\w.]*$/.test(key)
    ? `--set ${quoted(`${key}=${value}`)}`
    : `set ${key} to ${value} in a file, by --answers FILE`;
}
