import { readdirSync } from "node:fs";
import { freemem } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type Docker from "dockerode";
import { localSocket } from "../toolchain/docker.js";
import { withLock } from "../toolchain/lock.js";
import { label } from "../components/labels.ts";
import type { Archive } from "./backup/archive-reader.ts";
import { backupsAmong } from "./backup/backup-name.ts";
import { readBackupSettings } from "./backup/backup-settings.ts";
import { backupTools } from "./backup/backup-tools.ts";
import { load, prove, restoredParts } from "./backup/load-stack.ts";
import { openBackup, verifyBackup } from "./backup/opened-backup.ts";
import { backupFolder } from "./backup/save-stack.ts";
import { makeTrialTargets, removeDrills, trialServices } from "./backup/trial-targets.ts";
import { refuseNoFile } from "./backup/typed-backup.ts";
import { recordVerification } from "./backup/verification.ts";
import type { Member } from "./docker/containers.ts";
import { readState } from "./deployment/state.ts";
import { dockerDisk, isForWantOfSpace } from "./docker/disk.ts";
import { findDeployed } from "./docker/deployed.ts";
import { exitCode, Failure } from "./failure.ts";
import { commandLine, type CommonOptions, type Site } from "./site.ts";
import { byteSize } from "./terminal/byte-size.ts";
import { interruptible } from "./terminal/interruption.ts";
import { quoted } from "./terminal/quoted.ts";
import { coloured, progressReport, say } from "./terminal/terminal.ts";

/** How a backup is opened to be verified. */
export interface VerifyOptions extends CommonOptions {
  /** File with the private key of age. */
  identity?: string;
}

/** What loading takes on the disk for each byte of a dump: data, indexes and logs. */
const growth = 3;
/** What an empty database takes on the disk, in bytes. */
const emptyDatabase = 300_000_000;

/**
 * The drill: restores a backup into throw-away containers like the stack's, compares everything with what was saved, and
 * removes them. The stack itself goes on meanwhile.
 *
 * @param path the backup. Default: the newest one in the stack's folder for them
 * @throws Failure with exit code 3 when the backup cannot be restored as it was saved.
 */
export async function verifyByRestoring(path: string | undefined, options: VerifyOptions): Promise<void> {
  const { site, host, client, members } = await findDeployed(options);
  const chosen = path ?? newestBackup(site, options);
  refuseNoFile(chosen, site, options);
  const file = openBackup(chosen, options.identity);
  const report = progressReport();
  const tools = await backupTools(client, host, site.stack, readBackupSettings(site).image, report);
  const services = trialServices(members);
  const note = (good: boolean) => {
    recordVerification(site, { file: basename(chosen), path: resolve(chosen), time: new Date().toISOString(), good });
  };
  /** Does what fails only where the backup is not good. */
  const judged = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw error;
      const { message } = error as Error;
      const disk = await dockerDisk(host, client).catch(() => undefined);
      if (isForWantOfSpace(message, disk)) {
        const again = commandLine(path === undefined ? "backup verify" : `backup verify ${quoted(path)}`, options);
        throw new Failure(
          `${message}\nThe disk is full${disk === undefined ? "" : ` (${disk.folder})`}, which says nothing against ` +
            `${chosen}. Make room, then type: ${again}`,
        );
      }
      note(false);
      throw new Failure(`${message}\n${chosen} CANNOT be restored.`, exitCode.notGood);
    }
  };

  await interruptible(
    async (signal) => {
      const archive = await judged(() => verifyBackup(tools, file, report, signal), signal);
      await refuseWithoutRoom(client, host, services, archive);
      await alone(site, async () => {
        const owner = { [label.stack]: site.stack, [label.state]: readState(site)?.stateId ?? "" };
        await removeDrills(client, owner);
        const targets = await makeTrialTargets(client, owner, services, report, signal);
        try {
          await judged(async () => {
            const trial = { site, host, client, members: targets.members };
            const parts = await restoredParts(tools, archive, trial, options);
            await load(tools, file, archive, parts, report, signal);
            for (const part of parts) {
              signal.throwIfAborted();
              await prove(tools, part, report);
            }
          }, signal);
        } finally {
          await report.step("Removing what was made for the drill", "the stack itself was not touched", targets.remove);
        }
      });
    },
    () => "What was made for the drill has been removed; the stack itself was not touched.",
  );
  note(true);
  say(coloured("green", `${chosen} can be restored: everything in it is as it was saved.`));
}

function newestBackup(site: Site, options: CommonOptions): string {
  const folder = backupFolder(site);
  const [newest] = backupsAmong(readdirSync(folder), site.stack);
  if (newest !== undefined) return join(folder, newest.name);
  throw new Failure(
    `There is no backup of the stack "${site.stack}" in ${folder}. To make one, type: ${commandLine("backup", options)}`,
    exitCode.usage,
  );
}

/** Refuses a drill that would take memory or disk from what runs on this machine. */
async function refuseWithoutRoom(
  client: Docker,
  host: string,
  services: readonly Member[],
  { contents }: Archive,
): Promise<void> {
  if (localSocket(host) === undefined) return;
  const databases = services.filter(({ operations }) => operations?.database !== undefined);
  const limits = await Promise.all(
    databases.map(async ({ id }) => (await client.getContainer(id).inspect()).HostConfig.Memory ?? 0),
  );
  const memory = limits.reduce((sum, limit) => sum + limit, 0);
  const wanted = growth * contents.parts.reduce((sum, { bytes }) => sum + bytes, 0) + emptyDatabase * databases.length;
  const disk = await dockerDisk(host, client);
  const short = [
    ...(freemem() < memory ? [`memory: up to ${byteSize(memory)}, and ${byteSize(freemem())} are free`] : []),
    ...(disk !== undefined && disk.free < wanted
      ? [`disk: some ${byteSize(wanted)}, and ${byteSize(disk.free)} are free in ${disk.folder}`]
      : []),
  ];
  if (short.length === 0) return;
  throw new Failure(
    `The drill would need more than this machine has, so nothing was done. ${short.join("; ")}. ` +
      "Make room, or verify the backup with a stack of the same system on another machine.",
  );
}

/** Lets no two drills of a stack meet. */
function alone(site: Site, work: () => Promise<void>): Promise<void> {
  const folder = join(dirname(site.folders.state), "drills", `${site.stack}.lock`);
  const wait = () => {
    say("Another drill of this stack is under way: waiting for its end.");
  };
  return withLock(folder, wait, work);
}
