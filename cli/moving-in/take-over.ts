import { join } from "node:path";
import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import type { Report } from "../../toolchain/report.js";
import { backupName } from "../backup/backup-name.ts";
import { saveVolume } from "../backup/save-volume.ts";
import { exitCode, Failure } from "../failure.ts";
import { ignoring } from "../docker/docker.ts";
import { interruptible } from "../terminal/interruption.ts";
import { coloured, remark } from "../terminal/terminal.ts";
import type { ComposeContainer } from "./compose.ts";
import { serverUser } from "./database-data.ts";
import { giveVolumeTo } from "./installation.ts";
import { removeJournal, writeJournal, type FormerContainer, type FormerData } from "./journal.ts";
import { copyFiles } from "./volume-data.ts";
import { goBack, type Begun } from "./way-back.ts";

/** Seconds in which a database ends cleanly; Docker's default of 10 kills a large one. */
const stopGraceSeconds = 120;

/** A take-over under way. */
export interface TakeOver extends Begun {
  /** Where the database's files are saved. */
  backups: { folder: string; recipient: string | undefined };
  report: Report;
}

/**
 * The containers of an installation as they are now, in the order in which they are started.
 *
 * @param first the services that are started first, in their order
 * @throws Failure when one could not be started again, because Docker removes it when it stops.
 */
export async function formerContainers(
  client: Docker,
  containers: readonly ComposeContainer[],
  first: readonly string[],
): Promise<FormerContainer[]> {
  const rank = ({ service }: ComposeContainer) => (first.includes(service) ? first.indexOf(service) : first.length);
  const ordered = [...containers].sort((a, b) => rank(a) - rank(b));
  return Promise.all(
    ordered.map(async ({ id, name, service }) => {
      const { State: state, HostConfig: host } = await client.getContainer(id).inspect();
      if (host.AutoRemove === true) {
        throw new Failure(
          `Docker removes the container ${name} as soon as it stops (--rm), so that it could not be started again. ` +
            "Make it without --rm. Nothing was changed.",
          exitCode.notGood,
        );
      }
      return { id, name, service, isRunning: state.Running, restartPolicy: host.RestartPolicy ?? { Name: "no" } };
    }),
  );
}

/**
 * Stops an installation's containers and deploys a stack in their place. They stay, stopped, and Docker does not start
 * them with the machine any more: two servers must never open the same data. The database's files are saved, or copied,
 * in between. If anything fails, or after Ctrl-C, everything goes back. Every step may be repeated, and the journal knows
 * what cannot be seen any more: so it can be called again after it was killed.
 *
 * @throws Failure when it failed, with exit code 130 after Ctrl-C, and with what is now; with exit code 3, before anything
 *   is changed, when somebody else uses the data.
 */
export async function takeOver(under: TakeOver, deploy: () => Promise<unknown>): Promise<void> {
  const { site, journal } = under;
  await refuseOtherUsers(under);
  writeJournal(site, journal);
  let ending = "";
  await interruptible(
    async (signal) => {
      signal.addEventListener("abort", () => {
        remark("\nInterrupted: it goes back once what is under way has ended.");
      });
      try {
        await stopInstallation(under, signal);
        if (journal.data !== undefined) await secureData(under, journal.data, signal);
        signal.throwIfAborted();
        await deploy();
      } catch (error) {
        ending = (await goBack(under)).said;
        throw new Failure(`${(error as Error).message}\n\nThe take-over failed. ${ending}`);
      }
    },
    () => `The take-over was given up. ${ending}`,
  );
  removeJournal(site);
}

/** Refuses to save, copy or give away files while a container that is not the installation's may write them. */
async function refuseOtherUsers({ client, site, journal }: TakeOver): Promise<void> {
  const { containers, data, commands } = journal;
  if (data === undefined || data.backup !== undefined || data.isCopied === true) return;
  const former = new Set(containers.map(({ id }) => id));
  const volumes = new Set([data.volume, data.copyTo]);
  const running = await client.listContainers();
  for (const {
    Id: id,
    Names: [name = ""],
    Mounts: mounts,
    Labels: labels,
  } of running) {
    const used = mounts.find(({ Name: volume, RW: writes }) => writes && volume !== undefined && volumes.has(volume));
    if (used === undefined || former.has(id)) continue;
    const container = name.slice(1);
    const isStacks = labels[label.stack] === site.stack;
    const who = isStacks ? "is the stack's, and uses" : `is none of ${journal.project}, but uses`;
    throw new Failure(
      `The container ${container} ${who} the volume ${used.Name ?? ""}, whose files nobody may write during the take-over. ` +
        (isStacks ? "If they were taken over before, nothing is left to do. " : "") +
        `Nothing was changed. To do it all the same, type: docker stop ${container}\nThen: ${commands.goOn}`,
      exitCode.notGood,
    );
  }
}

async function stopInstallation({ client, journal }: TakeOver, signal: AbortSignal): Promise<void> {
  const { containers, data } = journal;
  for (const { id } of containers) {
    await client
      .getContainer(id)
      .update({ RestartPolicy: { Name: "no" } })
      .catch(ignoring(404));
  }
  // All of them, whether they ran or not: somebody may have started one since.
  for (const { id, name, service } of [...containers].reverse()) {
    signal.throwIfAborted();
    const container = client.getContainer(id);
    const info = await container.inspect().catch(ignoring(404));
    if (info?.State.Running !== true) continue;
    remark(`Stopping ${name}`);
    await container.stop(service === data?.service ? { t: stopGraceSeconds } : {}).catch(ignoring(304, 404));
  }
}

/** Saves the files of the stopped database, or copies them to the stack's own volume, and gives them to the stack's server. */
async function secureData(under: TakeOver, data: FormerData, signal: AbortSignal): Promise<void> {
  const { client, site, journal, tools, report } = under;
  const note = (more: Partial<FormerData>) => {
    writeJournal(site, Object.assign(journal, { data: Object.assign(data, more) }));
  };
  const { volume, copyTo } = data;
  if (copyTo !== undefined) {
    if (data.isCopied === true) return;
    signal.throwIfAborted();
    await report.step(`Copying the volume ${volume} to ${copyTo}`, "compared by checksums afterwards", () =>
      copyFiles(tools, { from: volume, to: copyTo, signal }),
    );
    if (data.userId !== serverUser) await giveVolumeTo(client, copyTo, serverUser, tools.image);
    note({ isCopied: true });
    return;
  }
  if (data.backup === undefined) {
    signal.throwIfAborted();
    note({ backup: await saveDatabase(under, volume, signal) });
  }
  if (data.userId !== serverUser) await giveVolumeTo(client, volume, serverUser, tools.image);
}

async function saveDatabase(
  { site, tools, report, backups: { folder, recipient } }: TakeOver,
  volume: string,
  signal: AbortSignal,
): Promise<string> {
  const name = backupName(`${site.stack}-before-take-over`, new Date(), { encrypted: recipient !== undefined });
  const file = join(folder, name);
  const why = "the way back, whatever the stack does to the data";
  await saveVolume(tools, volume, { file, why, recipient, signal }, report);
  if (recipient === undefined) {
    remark(
      coloured("yellow", "Warning: it is not encrypted; only its mode 0600 protects it (slipway:backup: recipient)."),
    );
  }
  remark(`The database's files as they were: ${file}`);
  return file;
}
