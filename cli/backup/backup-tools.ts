import type Docker from "dockerode";
import { buildImage, builtReference, bundledImage } from "../../components/build.ts";
import { label } from "../../components/labels.ts";
import type { Report } from "../../toolchain/report.js";
import { ensureBaseImage } from "../../toolchain/base-image.js";
import { run } from "../../toolchain/run.js";
import type { Member } from "../docker/containers.ts";
import { pipeDocker, type DockerPipe } from "../docker/docker-pipe.ts";
import { Failure } from "../failure.ts";

/** A service's container, as far as something is run in it. */
export type ServiceMember = Pick<Member, "id" | "name">;

/** What is done in the containers of a stack, and in throw-away ones beside them, to save and restore its data. */
export interface BackupTools {
  /** The image that they are in. */
  image: string;
  /** Compresses, and encrypts for recipients, each of whom can open it. */
  pack: (recipients: readonly string[]) => DockerPipe;
  /** Decrypts where the file is encrypted, and expands. With an identity, its lines and an empty one come first. */
  unpack: (encrypted: boolean) => DockerPipe;
  /** Reads the files of a volume as a tar archive. */
  saveFiles: (volume: string) => DockerPipe;
  /** Replaces the files of a volume by those of a tar archive. */
  loadFiles: (volume: string) => DockerPipe;
  /** Makes a key of age: the lines of the private one, with the public one in a comment. */
  newIdentity: () => Promise<string>;
  /** Runs a command in the container of a service. */
  execIn: (member: ServiceMember, command: readonly string[], what: string) => DockerPipe;
  /** Runs a command in the container of a service, and takes what it prints. */
  ask: (member: ServiceMember, command: readonly string[], what: string) => Promise<string>;
}

/** How much memory each throw-away container gets. age and zstd need some 10 MiB. */
const memory = "256m";

/**
 * Gets the image with the tools ready: built from `images/backup`, or pulled.
 *
 * @param host URL of the Docker engine
 * @param stack name of the stack
 * @param chosen reference of the image to take instead of the bundled one
 */
export async function backupTools(
  client: Docker,
  host: string,
  stack: string,
  chosen: string | undefined,
  report: Report,
): Promise<BackupTools> {
  const image = chosen ?? builtReference(bundledImage("backup"));
  if (!(await isThere(client, image))) {
    // Where all of a stack's images are pulled, nothing else has asked for it.
    if (chosen === undefined) await ensureBaseImage({ host, rebuild: false, report });
    await report.step(`Image ${image}`, "it holds what compresses and encrypts", async (detail) => {
      if (chosen === undefined) await buildImage(client, bundledImage("backup"), image, detail);
      else await run("docker", ["--host", host, "pull", image], { onLine: detail });
    });
  }
  const throwAway = (what: string, command: readonly string[], options: readonly string[] = []) =>
    pipeDocker(
      host,
      [
        "run",
        "--rm",
        "--interactive",
        "--init",
        "--network=none",
        "--log-driver=none",
        "--read-only",
        "--tmpfs=/tmp:mode=1777",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        `--memory=${memory}`,
        `--label=${label.stack}=${stack}`,
        ...options,
        image,
        ...command,
      ],
      what,
    );
  const execIn = (member: ServiceMember, command: readonly string[], what: string) =>
    pipeDocker(host, ["exec", "--interactive", member.id, ...inLargePieces(command)], what);
  return {
    image,
    pack: (recipients) => throwAway("Compressing", ["pack", ...recipients]),
    unpack: (encrypted) => throwAway("Expanding", ["unpack", ...(encrypted ? ["--identity"] : [])]),
    saveFiles: (volume) =>
      throwAway(
        `Reading the volume ${volume}`,
        ["save-files"],
        ["--user=0:0", "--cap-add=DAC_READ_SEARCH", `--volume=${volume}:/files:ro`],
      ),
    loadFiles: (volume) =>
      throwAway(
        `Filling the volume ${volume}`,
        ["load-files"],
        [
          "--user=0:0",
          ...["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"].map((capability) => `--cap-add=${capability}`),
          `--volume=${volume}:/files`,
        ],
      ),
    execIn,
    newIdentity: () => printed(throwAway("Making a key", ["age-keygen"])),
    ask: (member, command, what) => printed(execIn(member, command, what)),
  };
}

/**
 * A command whose output leaves the container in pieces of 64 KiB. Dump tools write 4 KiB at a time, and each piece costs
 * Docker as much work as a large one: more than the dump itself. The shell ends as the command does.
 */
function inLargePieces(command: readonly string[]): string[] {
  const script =
    'exec 4>&1; code=$({ { "$@" 3>&- 4>&-; echo $? >&3; } | dd obs=64k status=none >&4 3>&- 4>&-; } 3>&1); exit "$code"';
  return ["sh", "-c", script, "sh", ...command];
}

/** What a process prints until it ends. */
async function printed({ stdin, stdout, ended }: DockerPipe): Promise<string> {
  stdin.end();
  let text = "";
  for await (const chunk of stdout.setEncoding("utf8")) text += chunk as string;
  await ended;
  return text;
}

async function isThere(client: Docker, image: string): Promise<boolean> {
  try {
    await client.getImage(image).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw new Failure(`Docker does not tell whether the image ${image} is there: ${(error as Error).message}`);
  }
}
