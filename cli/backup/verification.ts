import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Site } from "../site.ts";

const verificationSchema = z.strictObject({
  /** Name of the backup's file. */
  file: z.string(),
  /** Where it was; older drills did not note it. */
  path: z.string().optional(),
  /** When it was restored for trial, in ISO 8601. */
  time: z.string(),
  good: z.boolean(),
});

/** How the last drill with a backup of a stack ended. */
export type Verification = z.infer<typeof verificationSchema>;

/** Notes how a drill ended. */
export function recordVerification(site: Site, verification: Verification): void {
  const file = verificationFile(site);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(verification), { mode: 0o600 });
}

/** How the last drill ended; nothing where there was none. */
export function readVerification(site: Site): Verification | undefined {
  try {
    return verificationSchema.safeParse(JSON.parse(readFileSync(verificationFile(site), "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** The last drill in a line. */
export function verificationLine(verification: Verification): string {
  const { file, time, good } = verification;
  const verified = `Backup ${file}: verified on ${time.slice(0, 10)}`;
  return isGone(verification)
    ? `${verified}, it could ${good ? "" : "NOT "}be restored; it is not there any more`
    : `${verified}, it ${good ? "can" : "CANNOT"} be restored`;
}

/** Whether a backup was removed since its drill, as far as it can be told. */
function isGone({ path }: Verification): boolean {
  if (path === undefined) return false;
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function verificationFile({ folders, stack }: Site): string {
  return join(dirname(folders.state), "drills", `${stack}.json`);
}
