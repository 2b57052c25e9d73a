import { type Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join, posix } from "node:path";

/** A folder of the host that a container sees, and as whom its processes read there. */
export interface MountedFolder {
  /** Where the host has it. */
  host: string;
  /** Where the container sees it. */
  container: string;
  userId: number;
  groupId: number;
}

/** What is at a path for the container's processes. */
export type Sight =
  | { is: "file"; isExecutable: boolean }
  /** `path`: on the host. */
  | { is: "folder" | "missing"; path: string }
  /** What may not be read or entered; `right` is `r` or `x`. */
  | { is: "forbidden"; path: string; right: "r" | "x" }
  /** A link to what the container does not have. */
  | { is: "outside"; path: string; target: string }
  /** Whoever checks may not look there. */
  | { is: "hidden"; path: string };

/** As many links as Linux follows (path_resolution(7)). */
const mostLinks = 40;

/**
 * Looks at a path below the folder as the container's processes do: links lead where they lead in the container, and
 * the permissions are those of its user.
 *
 * @param path as the container has it
 */
export async function look(folder: MountedFolder, path: string): Promise<Sight> {
  let left = partsBelow(folder, path) ?? [];
  let here = "";
  for (let links = 0; ;) {
    const place = join(folder.host, here);
    const found = await lstat(place).catch((error: unknown) => (error as NodeJS.ErrnoException).code ?? "");
    if (typeof found === "string") return { is: found === "EACCES" ? "hidden" : "missing", path: place };
    if (found.isSymbolicLink() && here !== "") {
      const target = await readlink(place);
      const seen = posix.resolve(join(folder.container, here, ".."), target);
      const parts = partsBelow(folder, seen);
      links += 1;
      if (parts === undefined || links > mostLinks) return { is: "outside", path: place, target };
      left = [...parts, ...left];
      here = "";
      continue;
    }
    const [next, ...rest] = left;
    if (next === undefined) {
      if (found.isDirectory()) return { is: "folder", path: place };
      if (!permits(found, folder, readable)) return { is: "forbidden", path: place, right: "r" };
      return { is: "file", isExecutable: permits(found, folder, executable) };
    }
    if (found.isDirectory() && !permits(found, folder, executable)) {
      return { is: "forbidden", path: place, right: "x" };
    }
    here = join(here, next);
    left = rest;
  }
}

/** Whether a path is a pattern as Python's `glob` takes it. */
export function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/** The paths below the folder, as the container has them, that match a pattern of Python's `glob.glob`. */
export async function matches(folder: MountedFolder, pattern: string): Promise<string[]> {
  let found = [folder.container];
  for (const part of partsBelow(folder, pattern) ?? []) {
    const within = await Promise.all(
      found.map(async (parent) => {
        if (!isPattern(part)) return [posix.join(parent, part)];
        const names = await readdir(hostPathIn(folder, parent)).catch(() => []);
        return names.filter((name) => matchesPart(name, part)).map((name) => posix.join(parent, name));
      }),
    );
    found = within.flat();
  }
  const there = await Promise.all(
    found.map(async (path) => ((await look(folder, path)).is === "missing" ? [] : [path])),
  );
  return there.flat().sort();
}

/** Where the host has what the container sees at a path below the folder. */
export function hostPathIn(folder: Pick<MountedFolder, "host" | "container">, path: string): string {
  return folder.host + path.slice(folder.container.length);
}

/** The parts of a path below the folder; nothing for a path elsewhere. */
function partsBelow({ container }: MountedFolder, path: string): string[] | undefined {
  const below = posix.relative(container, path);
  if (below === ".." || below.startsWith("../")) return undefined;
  return below === "" ? [] : below.split("/");
}

const readable = 0o4;
const executable = 0o1;

function permits({ uid, gid, mode }: Stats, { userId, groupId }: MountedFolder, right: number): boolean {
  const shift = uid === userId ? 6 : gid === groupId ? 3 : 0;
  return ((mode >> shift) & right) !== 0;
}

function matchesPart(name: string, pattern: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  const source = pattern.replace(
    /\[(!?)(\]?[^\]]*)\]|[\s\S]/g,
    (one, not: string | undefined, set: string | undefined) => {
      if (set !== undefined) return `[${not === "!" ? "^" : ""}${set.replace(/[\\\]^]/g, "\\$&")}]`;
      return one === "*" ? ".*" : one === "?" ? "." : one.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
    },
  );
  return new RegExp(`^${source}$`, "s").test(name);
}
