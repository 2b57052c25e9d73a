import { isDeepStrictEqual } from "node:util";
import { partTitle, type Contents, type Part } from "./backup/archive-format.ts";
import { readBackupSettings } from "./backup/backup-settings.ts";
import { withVersion } from "./backup.ts";
import { backupTools, type BackupTools } from "./backup/backup-tools.ts";
import type { Archive } from "./backup/archive-reader.ts";
import { findDeployed, type Deployed } from "./docker/deployed.ts";
import { dockerOf } from "./docker/docker.ts";
import { runningOne } from "./exec.ts";
import { exitCode, Failure } from "./failure.ts";
import { fit } from "./backup/fit.ts";
import { interruptible } from "./terminal/interruption.ts";
import { clearLocks } from "./deployment/lock.ts";
import { openBackup, readBackup, verifyBackup, type BackupFile } from "./backup/opened-backup.ts";
import { runAgain, startAll, stopAll } from "./docker/pause.ts";
import { describe, differences } from "./backup/proof.ts";
import { quoted } from "./terminal/quoted.ts";
import { readToEnd } from "./backup/read-to-end.ts";
import { findParts, partKey, readPart, writePart, type DeployedPart } from "./backup/saved-parts.ts";
import { commandLine, dockerHost, siteOf, type CommonOptions } from "./site.ts";
import { byteSize } from "./terminal/byte-size.ts";
import { coloured, progressReport, remark, say, typedConsent } from "./terminal/terminal.ts";

export interface RestoreOptions extends CommonOptions {
  /** File with the private key of age. */
  identity?: string;
  /** Ends when the backup was verified. */
  verifyOnly: boolean;
  /** The typed confirmation, given beforehand. */
  confirm?: string;
}

/** A part of the backup, and where it goes. */
interface Restored {
  part: Part;
  to: DeployedPart;
  saved: Contents["parts"][number];
  /** Whether a dump of the same data would be the same here. */
  comparable: boolean;
}

/** Replaces a stack's data by those of a backup, which is read to its end before anything is touched. */
export async function restore(path: string, options: RestoreOptions): Promise<void> {
  const site = siteOf(options);
  const file = openBackup(path, options.identity);
  const report = progressReport();
  const client = await dockerOf(site, options);
  const tools = await backupTools(client, dockerHost(site), site.stack, readBackupSettings(site).image, report);
  const archive = await interruptible(
    (signal) => verifyBackup(tools, file, report, signal),
    () => "Nothing was changed.",
  );
  const { manifest, contents } = archive;
  say(`A backup of the stack "${manifest.stack}" of ${manifest.created}, whole and unaltered:`);
  for (const [index, part] of manifest.parts.entries()) {
    say(`  ${partTitle(part)} of ${part.system}: ${byteSize(contents.parts[index]?.bytes ?? 0)}`);
  }
  if (options.verifyOnly) return;

  const deployed = await findDeployed(options);
  const targets = await restoredParts(tools, archive, deployed, options);
  clearLocks(site);
  const services = deployed.members.filter(
    ({ kind, state, operations }) => kind === "service" && state === "running" && operations?.database === undefined,
  );
  const tasks = deployed.members.filter(({ kind, standby }) => kind === "task" && !standby);
  say(
    coloured(
      "red",
      `To be REPLACED in the stack "${site.stack}": ${targets.map(({ part }) => partTitle(part)).join(", ")}.`,
    ),
  );
  say(`Meanwhile these are stopped: ${services.map(({ name }) => name).join(", ") || "(none)"}.`);
  await typedConsent("What is there now is lost unless it was backed up.", site.stack, options.confirm);

  await interruptible(
    async (signal) => {
      const steps = [
        () => stopAll(client, services, report),
        () => load(tools, file, archive, targets, report, signal),
        ...targets.map((target) => () => prove(tools, target, report)),
        () => runAgain(client, tasks, report),
        () => startAll(deployed, services, options, report),
      ];
      for (const step of steps) {
        signal.throwIfAborted();
        await step();
      }
    },
    () => half(path, options),
  ).catch((error: unknown) => {
    if (error instanceof Failure && error.exitCode === exitCode.interrupted) throw error;
    throw new Failure(`${(error as Error).message}\n${half(path, options)}`);
  });
  say(coloured("green", `The data of the stack "${site.stack}" are those of ${manifest.created}.`));
}

function half(path: string, options: RestoreOptions): string {
  return [
    "The data may be replaced in part only, so what was stopped stays stopped.",
    `To begin the restore again, type: ${commandLine(`restore ${quoted(path)}`, options)}`,
    `To start the services with the data as they are, type: ${commandLine("up", options)}`,
  ].join("\n");
}

/**
 * Finds where each part of a backup goes.
 *
 * @throws Failure with everything that keeps the backup from this stack.
 */
async function restoredParts(
  tools: BackupTools,
  { manifest, contents }: Archive,
  { site, client, members }: Deployed,
  options: RestoreOptions,
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

async function load(
  tools: BackupTools,
  file: BackupFile,
  verified: Archive,
  targets: readonly Restored[],
  report: ReturnType<typeof progressReport>,
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
async function prove(
  tools: BackupTools,
  { part, to, saved, comparable }: Restored,
  report: ReturnType<typeof progressReport>,
): Promise<void> {
  const proof = await report.step(`Comparing ${partTitle(part)}`, "with what was saved", async () => {
    const { content, proof } = await readPart(tools, to, () => undefined);
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
