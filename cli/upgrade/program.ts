import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { ProgramFiles } from "../../components/build.ts";
import { projectRoot } from "../../toolchain/root.js";
import type { Site } from "../site.ts";

/** What of a clone a deployment runs. What belongs to the command line alone is not among it. */
const parts = [
  "Pulumi.yaml",
  "components",
  "images",
  "package-lock.json",
  "package.json",
  "schemas",
  "settings",
  "systems",
  "templates",
  "toolchain",
  "tsconfig.json",
];

/** Where the program begins, and all of the folder that it is in. */
function mainPart(clone: string): string {
  const { main = "index.ts" } = parse(readFileSync(join(clone, "Pulumi.yaml"), "utf8")) as { main?: string };
  return main.replace(/^\.\//, "").split("/")[0] ?? main;
}

function filesOf(clone: string, part: string): string[] {
  const entry = lstatSync(join(clone, part), { throwIfNoEntry: false });
  if (entry === undefined || part.endsWith("node_modules")) return [];
  if (!entry.isDirectory()) return [part];
  return readdirSync(join(clone, part)).flatMap((name) => filesOf(clone, join(part, name)));
}

/** The files of the clone that images are built from besides their own folders. */
function imagePrograms(clone: string): string[] {
  const folder = join(clone, "images");
  return readdirSync(folder).flatMap((image) => {
    const list = join(folder, image, "program.json");
    return existsSync(list) ? (JSON.parse(readFileSync(list, "utf8")) as ProgramFiles).files : [];
  });
}

function programFiles(clone: string): string[] {
  const all = [...parts, mainPart(clone), ...imagePrograms(clone)].flatMap((part) => filesOf(clone, part));
  return [...new Set(all)].sort();
}

/** Names a program by its content. */
export function programHash(clone = projectRoot): string {
  const hash = createHash("sha256");
  for (const path of programFiles(clone)) {
    const file = join(clone, path);
    const entry = lstatSync(file);
    const content = entry.isSymbolicLink() ? Buffer.from(readlinkSync(file)) : readFileSync(file);
    hash.update(JSON.stringify([path, entry.isSymbolicLink(), (entry.mode & 0o111) !== 0, content.length]));
    hash.update(content);
  }
  return hash.digest("hex").slice(0, 16);
}

/**
 * Keeps the clone's program, so that it can be deployed again after the clone has changed. Equal programs are kept once.
 *
 * @returns what it is kept by.
 */
export function keepProgram(site: Site, clone = projectRoot): string {
  const hash = programHash(clone);
  const folder = join(site.programsFolder, hash);
  if (isWhole(folder, hash)) return hash;
  const draft = `${folder}.${process.pid}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  for (const path of programFiles(clone)) {
    cpSync(join(clone, path), join(draft, path), { verbatimSymlinks: true, preserveTimestamps: true });
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
  return hash;
}

/** Whether a program is there as it was kept: after a loss of power, files may be empty. */
function isWhole(folder: string, hash: string): boolean {
  try {
    return programHash(folder) === hash;
  } catch {
    return false;
  }
}

/**
 * The folder of a program that was kept, ready to be deployed with the node modules of this clone.
 *
 * @returns nothing when it is not there any more, or not whole.
 */
export function keptProgram(site: Site, hash: string, clone = projectRoot): string | undefined {
  const folder = join(site.programsFolder, hash);
  if (!isWhole(folder, hash)) return undefined;
  link(join(clone, "node_modules"), join(folder, "node_modules"));
  link(site.folders.stacks, join(folder, ".stacks"));
  return folder;
}

function link(target: string, path: string): void {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}
