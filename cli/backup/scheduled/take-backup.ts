import { accessSync, constants, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { formatVersion, partTitle, type Part } from "../archive-format.ts";
import { backupName } from "../backup-name.ts";
import { partKey, readPart, type ReadTools } from "../saved-parts.ts";
import { pipeProcess } from "../../docker/docker-pipe.ts";
import { Failure } from "../../failure.ts";
import { superfluous } from "../retention.ts";
import { saveArchive } from "../saved-archive.ts";
import { request } from "./part-pipes.ts";
import type { Schedule } from "./schedule.ts";

/** The folder of the container in which backups are put. */
export const backupsFolder = "/backups";

/**
 * Takes a backup as `slipway backup` does, but for stack file and state, and removes those that are not to be kept.
 *
 * @param note is told of files that cannot be saved
 * @throws Failure when there is no new backup; what was written has been removed then.
 */
export async function takeBackup(
  schedule: Schedule,
  signal: AbortSignal,
  note: (problem: string) => void,
): Promise<void> {
  const { stack, recipient, parts } = schedule;
  refuseUnwritable();
  removePartial(stack);
  const created = new Date();
  const found = parts.map(({ part, folder, countsRows, tellsVersion }) => ({
    part,
    tellsVersion,
    // The words that its container knows stand for the commands.
    deployed: {
      part,
      member: { id: folder, name: part.service },
      ...(part.kind === "files"
        ? { volume: folder }
        : { database: { dump: ["dump"], ...(countsRows && { rows: ["rows"] }) } }),
    },
  }));
  const withVersion = async ({ part, tellsVersion, deployed }: (typeof found)[number]): Promise<Part> => {
    if (part.kind !== "database" || !tellsVersion) return part;
    const version = await tools.ask(deployed.member, ["version"], `Asking ${part.service} for its version`);
    return { ...part, version: version.trim() };
  };
  const file = join(
    backupsFolder,
    backupName(stack, created, { encrypted: recipient !== undefined, occasion: "scheduled" }),
  );
  await saveArchive(
    {
      manifest: {
        format: "slipway-backup",
        version: formatVersion,
        stack,
        created: created.toISOString(),
        images: schedule.images,
        parts: await Promise.all(found.map(withVersion)),
      },
      texts: {},
      open: (part) => {
        const one = found.find((each) => partKey(each.part) === partKey(part));
        if (one === undefined) throw new Error(`${partTitle(part)} is not among what is saved`);
        return readPart(tools, one.deployed, (problem) => {
          note(`left out of ${partTitle(part)}: ${problem}`);
        });
      },
    },
    {
      file,
      packed: pipeProcess("pack", recipient === undefined ? [] : [recipient], "Compressing"),
      signal,
      onProgress: () => undefined,
    },
  );
  removeSuperfluous(schedule);
}

const tools: ReadTools = {
  saveFiles: (folder) => request(folder, "dump", "Reading files"),
  execIn: ({ id: folder }, [word = ""], what) => request(folder, word, what),
  ask: async ({ id: folder }, [word = ""], what) => {
    const { stdout, ended } = request(folder, word, what);
    let text = "";
    for await (const chunk of stdout.setEncoding("utf8")) text += chunk as string;
    await ended;
    return text;
  },
};

function refuseUnwritable(): void {
  try {
    accessSync(backupsFolder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Failure(
      `Nothing can be written in the folder of backups (${(error as Error).message}). ` +
        `It has to belong to user ${process.getuid?.() ?? ""}, the setting backup.schedule.userId.`,
    );
  }
}

/** Removes what a killed backup of this schedule had written. */
function removePartial(stack: string): void {
  for (const name of readdirSync(backupsFolder)) {
    if (name.startsWith(`.${stack}-`) && /Z\.scheduled\.tar\.zst(?:\.age)?\.\d+\.partial$/.test(name)) {
      rmSync(join(backupsFolder, name), { force: true });
    }
  }
}

function removeSuperfluous({ stack, keep, timeZone }: Schedule): void {
  const names = readdirSync(backupsFolder);
  for (const name of superfluous(names, { stack, occasion: "scheduled", keep, timeZone })) {
    rmSync(join(backupsFolder, name), { force: true });
  }
}
