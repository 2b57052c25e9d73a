import { isDeepStrictEqual } from "node:util";
import tar from "tar-stream";
import type { Report } from "../../toolchain/report.js";
import type { Deployed } from "../docker/deployed.ts";
import { runningOne } from "../exec.ts";
import { Failure } from "../failure.ts";
import type { CommonOptions } from "../site.ts";
import { byteSize } from "../terminal/byte-size.ts";
import { coloured, remark, say } from "../terminal/terminal.ts";
import { partTitle, type Contents, type Part } from "./archive-format.ts";
import type { Archive } from "./archive-reader.ts";
import type { BackupTools } from "./backup-tools.ts";
import { fit } from "./fit.ts";
import { readBackup, type BackupFile } from "./opened-backup.ts";
import { describe, differences } from "./proof.ts";
import { readToEnd } from "./read-to-end.ts";
import { withVersion } from "./save-stack.ts";
import { feed, findParts, partKey, readPart, writePart, type DeployedPart } from "./saved-parts.ts";

/** A part of the backup, and where it goes. */
export interface Restored {
  part: Part;
  to: DeployedPart;
  saved: Contents["parts"][number];
  /** Whether a dump of the same data would be the same here. */
  comparable: boolean;
}

/**
 * Finds where each part of a backup goes.
 *
 * @throws Failure with everything that keeps the backup from this stack.
 */
export async function restoredParts(
  tools: BackupTools,
  { manifest, contents }: Archive,
  { site, client, members }: Deployed,
  options: CommonOptions,
): Promise<Restored[]> {
  const present = await findParts(client, members);
  for (const { member, ...where } of present) if ("database" in where) runningOne(member, options);
  const parts = await Promise.all(present.map((one) => withVersion(tools, one)));
  const images = Object.fromEntries(
    members.filter(({ kind }) => kind === "service").map(({ system, name, image }) => [`${system}/${name}`, image]),
  );
  const { problems, warnings } = fit(manifest, { parts, images });
  if (problems.length > 0) {
    throw new Failure(
      [
        `The backup cannot go into the stack "${site.stack}". Nothing was changed.`,
        ...problems.map((one) => `  ${one}`),
      ].join("\n"),
    );
  }
  for (const warning of warnings) remark(coloured("yellow", `Warning: ${warning}`));
  return manifest.parts.map((part, index): Restored => {
    const here = parts.findIndex((one) => partKey(one) === partKey(part));
    const [to, own, saved] = [present[here], parts[here], contents.parts[index]];
    if (to === undefined || own === undefined || saved === undefined)
      throw new Error(`${partTitle(part)} has no place`);
    const comparable = part.kind === "database" && part.version !== undefined && isDeepStrictEqual(part, own);
    return { part, to, saved, comparable };
  });
}

/** Replaces the parts by what a backup holds. Caution: what was there is lost. */
export async function load(
  tools: BackupTools,
  file: BackupFile,
  verified: Archive,
  targets: readonly Restored[],
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const archive = await report.step("Loading the backup", `${byteSize(file.bytes)}, packed`, (detail) =>
    readBackup(
      tools,
      file,
      async (_, index, content) => {
        const target = targets[index];
        if (target === undefined) throw new Failure("The backup has changed while it was being restored.");
        await writePart(tools, target.to, content);
      },
      detail,
      signal,
    ),
  );
  // Between the first reading and this one, somebody may have put another file in its place.
  if (!isDeepStrictEqual(archive, verified)) throw new Failure("The backup has changed while it was being restored.");
}

/** Reads back what was loaded, and compares it with what was saved. */
export async function prove(
  tools: BackupTools,
  { part, to, saved, comparable }: Restored,
  report: Report,
): Promise<void> {
  const proof = await report.step(`Comparing ${partTitle(part)}`, "with what was saved", async () => {
    const how = { atRest: true, isCounted: !comparable };
    const { content, proof } = await readPart(tools, to, () => undefined, how);
    await readToEnd(content);
    return await proof();
  });
  const found = differences(saved.proof, proof, comparable);
  if (found.length > 0) {
    throw new Failure(
      [`After the restore, ${partTitle(part)} is not as it was saved:`, ...found.map((one) => `  ${one}`)].join("\n"),
    );
  }
  say(`  ${partTitle(part)}: ${describe(proof, comparable)}`);
}

/** Removes all files in a volume, which stays. */
export async function emptyVolume(tools: BackupTools, volume: string): Promise<void> {
  const nothing = tar.pack();
  nothing.finalize();
  await feed(tools.loadFiles(volume), nothing as AsyncIterable<Buffer>);
}
