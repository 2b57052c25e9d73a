import { stat } from "node:fs/promises";
import { join } from "node:path";

import type { Finding } from "./problems.ts";

/** What a folder of the host has to be. */
export interface FolderDemand {
  /** A file or folder that it has to hold, such as `Dockerfile`. @default nothing */
  content?: string;
  /** The user who writes to it, and whose it therefore has to be. @default anybody's */
  userId?: number;
}

/** What a folder of the host that a setting names is not; nothing where the setting names none. */
export async function folderFindings(
  key: string,
  folder: string | undefined,
  { content, userId }: FolderDemand = {},
): Promise<Finding[]> {
  // Below /host_mnt lie the folders of a Windows host, which only Docker Desktop's engine sees.
  if (folder === undefined || folder.startsWith("/host_mnt/")) return [];
  const finding = (message: string, advice: string): Finding[] => [
    { key, value: folder, message, remedy: [{ advice }] },
  ];
  const found = await stat(folder).catch(() => undefined);
  const own = userId === undefined ? undefined : `sudo chown ${userId}:${userId} ${folder}`;
  if (found?.isDirectory() !== true) {
    const make = content === undefined ? `sudo mkdir -p ${folder}` : `ls -l ${folder}`;
    return finding("must be an existing folder of the host", own === undefined ? make : `${make} && ${own}`);
  }
  if (content !== undefined && (await stat(join(folder, content)).catch(() => undefined)) === undefined) {
    return finding(`must be a folder of the host that holds ${content}`, `ls -l ${folder}`);
  }
  if (own !== undefined && found.uid !== userId) {
    return finding(`must belong to user ${userId}, who writes to it, but belongs to ${found.uid}`, own);
  }
  return [];
}
