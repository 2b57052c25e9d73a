import { existsSync, statfsSync } from "node:fs";
import type Docker from "dockerode";
import { localSocket } from "../../toolchain/docker.js";

/** The disk on which Docker keeps images, containers and volumes. */
export interface DockerDisk {
  folder: string;
  /** How much is free for a user who is not root, in bytes. */
  free: number;
}

/** Looks at the disk of a Docker engine; nothing where that cannot be seen from here, as on another machine. */
export async function dockerDisk(host: string, client: Docker): Promise<DockerDisk | undefined> {
  if (localSocket(host) === undefined) return undefined;
  const { DockerRootDir: folder } = (await client.info()) as { DockerRootDir: string };
  if (!existsSync(folder)) return undefined;
  const { bavail, bsize } = statfsSync(folder);
  return { folder, free: bavail * bsize };
}

/** So little space is next to none for a database, in bytes. */
const nextToNone = 100_000_000;

/** Whether something failed because the disk is full: it says so, or ended without a word when nothing was left. */
export function isForWantOfSpace(message: string, disk: DockerDisk | undefined): boolean {
  return /no space left on device|disk full/i.test(message) || (disk !== undefined && disk.free < nextToNone);
}
