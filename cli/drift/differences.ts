import { environmentVariable, type Facts } from "./facts.ts";

/** Something that is otherwise than declared. */
export interface Difference {
  /** Such as `label slipway.service`. */
  what: string;
  /** Nothing where nothing is declared. */
  declared?: string;
  /** Nothing where nothing is there. */
  there?: string;
}

/**
 * What two sets of facts do not have in common.
 *
 * @param secrets texts that are shown in no difference
 */
export function differencesBetween(declared: Facts, there: Facts, secrets: ReadonlySet<string>): Difference[] {
  const names = new Set([...declared.keys(), ...there.keys()]);
  return [...names].flatMap((what): Difference[] => {
    const [wanted, found] = [declared.get(what), there.get(what)];
    if (wanted === found) return [];
    return [
      {
        what,
        ...(wanted !== undefined && { declared: shown(wanted, secrets) }),
        ...(found !== undefined && { there: isHidden(what, wanted, found) ? "(not shown)" : shown(found, secrets) }),
      },
    ];
  });
}

/** Somebody may have put a secret into a variable, though a stack never does. */
function isHidden(what: string, declared: string | undefined, there: string): boolean {
  if (!what.startsWith(environmentVariable)) return false;
  return declared === undefined || /passw|secret|token|key|credential/i.test(what) || /:\/\/[^/]*@/.test(there);
}

const longest = 120;

function shown(text: string, secrets: ReadonlySet<string>): string {
  for (const secret of secrets) if (text.includes(secret)) return "(secret)";
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** A difference in words. */
export function inWords({ what, declared, there }: Difference): string {
  if (declared === undefined) return `${what}: not declared, but there is ${quote(there)}`;
  if (there === undefined) return `${what}: declared is ${quote(declared)}, but it is missing`;
  return `${what}: declared is ${quote(declared)}, there is ${quote(there)}`;
}

function quote(text: string | undefined): string {
  return text === undefined || text === "" ? "(empty)" : text;
}
