import type { BackupTools } from "../backup/backup-tools.ts";
import { readToEnd } from "../backup/read-to-end.ts";
import { feed, readFiles } from "../backup/saved-parts.ts";
import { pipeDocker, type DockerPipe } from "../docker/docker-pipe.ts";
import { exitCode, Failure } from "../failure.ts";
import { byteSize } from "../terminal/byte-size.ts";

/** What is asked of a volume that is to be copied. */
export interface Copying {
  from: string;
  to: string;
  /** The image of the backups' tools. */
  image: string;
}

/**
 * Refuses to copy a volume to one that holds files, or to where there is no room.
 *
 * @param host URL of the Docker engine
 * @throws Failure with exit code 3. Nothing was changed.
 */
export async function refuseCopying(host: string, volumes: ReadonlySet<string>, copying: Copying): Promise<void> {
  const { from, to, image } = copying;
  const isThere = volumes.has(to);
  const script = "du -sk /from; df -Pk /to; ls -A /to | head -n 1 | wc -l";
  // A nameless volume is where a new one would be.
  const target = isThere ? `${to}:/to` : "/to";
  const { stdin, stdout, ended } = pipeDocker(
    host,
    [
      ...["run", "--rm", "--network=none", "--log-driver=none", "--user=0:0", `--volume=${from}:/from:ro`],
      ...[`--volume=${target}`, "--entrypoint=sh", image, "-c", script],
    ],
    `Looking at the volume ${from}`,
  );
  stdin.end();
  let output = "";
  for await (const chunk of stdout.setEncoding("utf8")) output += chunk as string;
  await ended;
  const { bytes, free, isEmpty } = measured(output);
  if (isThere && !isEmpty) {
    throw new Failure(
      `The volume ${to}, which the data would be copied to, holds files already. If nobody needs them, remove it: ` +
        `docker volume rm ${to}. Nothing was changed.`,
      exitCode.notGood,
    );
  }
  if (free < bytes * spare) {
    throw new Failure(
      `The volume ${from} holds ${byteSize(bytes)}, and where Docker keeps volumes, ${byteSize(free)} are free: too ` +
        "little for a copy. Make room, or leave --copy-volume out. Nothing was changed.",
      exitCode.notGood,
    );
  }
}

/** A file system that is full to its end serves nobody. */
const spare = 1.1;

/** Reads what `du -sk`, `df -Pk` and a count of files print. */
export function measured(output: string): { bytes: number; free: number; isEmpty: boolean } {
  const lines = output.trimEnd().split("\n");
  const used = /^(\d+)\s/.exec(lines[0] ?? "")?.[1];
  const free = /^\S+\s+\d+\s+\d+\s+(\d+)\s/.exec(lines.at(-2) ?? "")?.[1];
  const count = /^\s*(\d+)$/.exec(lines.at(-1) ?? "")?.[1];
  if (used === undefined || free === undefined || count === undefined) {
    throw new Error(`du and df print something unknown:\n${output}`);
  }
  return { bytes: Number(used) * 1024, free: Number(free) * 1024, isEmpty: count === "0" };
}

/** The same tools, but for what reads and fills volumes being ended by a signal. */
function endedBy(signal: AbortSignal, tools: BackupTools): BackupTools {
  const ending = (start: (volume: string) => DockerPipe) => (volume: string) => {
    const pipe = start(volume);
    if (signal.aborted) pipe.kill();
    else signal.addEventListener("abort", pipe.kill);
    return pipe;
  };
  return { ...tools, saveFiles: ending(tools.saveFiles), loadFiles: ending(tools.loadFiles) };
}

/**
 * Copies the files of a volume that nobody uses, with owners, modes and times, and compares all of them by checksums. What
 * was in the other volume is lost.
 *
 * @throws Failure when something cannot be copied, or is not the same afterwards.
 */
export async function copyFiles(
  allTools: BackupTools,
  { from, to, signal }: { from: string; to: string; signal: AbortSignal },
): Promise<void> {
  const tools = endedBy(signal, allTools);
  const refuse = (problem: string) => {
    throw new Failure(`Not everything in the volume ${from} can be copied. ${problem}`);
  };
  const original = readFiles(tools, from, refuse);
  await feed(tools.loadFiles(to), original.content);
  const copy = readFiles(tools, to, refuse);
  await readToEnd(copy.content);
  const [one, other] = await Promise.all([original.proof(), copy.proof()]);
  if (JSON.stringify(one) !== JSON.stringify(other)) {
    throw new Failure(`The files in the volume ${to} are not those of ${from}, from which they were just copied.`);
  }
}
