import { createHash } from "node:crypto";

/**
 * The name of the volume that a carrier fills. It depends on which files there are, so that a file given up does not stay
 * behind in the volume, and on the only user that may read them.
 */
export function fileVolumeName(
  carrierName: string,
  files: readonly string[],
  owner: { uid: number; gid: number },
): string {
  const content = JSON.stringify([[...files].sort(), { uid: owner.uid, gid: owner.gid }]);
  return `${carrierName}-${createHash("sha256").update(content).digest("hex").slice(0, 8)}`;
}
