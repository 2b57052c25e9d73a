import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import type Docker from "dockerode";
import tar from "tar-stream";
import versions from "../images/versions.json" with { type: "json" };
import type { FolderBuild, ImageSource } from "../settings/system.ts";
import { dockerIgnore } from "./docker-ignore.ts";

/** The local image that every built image stands on. `./slipway up` makes it. */
export const baseImage = "slipway/base:bookworm";

/** Where Debian and Ubuntu keep the certificate authorities that an administrator added. */
const addedCertificates = "/usr/local/share/ca-certificates";

/** Build arguments that Docker knows beforehand and keeps out of an image's history. */
const proxyVariables = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

const outputLinesInError = 30;

/** Parts of the clone that are in an image as `program/`, and the pinned Node as `.build/node`. */
export interface ProgramFiles {
  /** Files by their paths in the clone. */
  files: string[];
  /** Packages in `node_modules`, of which the version says what is in them. */
  modules: string[];
}

export interface BuildContext {
  /** Repository name of the image, such as `slipway/mariadb`. */
  name: string;
  /** Folder with the Dockerfile. What its `.dockerignore` names is left out. */
  folder: string;
  /** The stage of the Dockerfile that is built. @default the last one */
  target?: string | undefined;
  /** Version of the packaged software: the build argument `VERSION`, and a label. */
  version: string;
  /** What of the clone is in the image besides: its own program. @default nothing */
  program?: ProgramFiles;
  /** Changes when the image is to be built anew although its folder is the same: `up --rebuild` sets it. @default none */
  revision?: string | undefined;
}

const clone = fileURLToPath(new URL("../", import.meta.url));
const imagesFolder = join(clone, "images");
const modulesFolder = join(clone, "node_modules");
/** The package of the pinned Node. */
const nodePackage = `node-${process.platform}-${process.arch}`;

/** An image that is built from `images/<name>`, in the version that `images/versions.json` gives. */
export function bundledImage(name: keyof typeof versions, revision?: string): BuildContext {
  const folder = join(imagesFolder, name);
  const list = join(folder, "program.json");
  return {
    name: `slipway/${name}`,
    folder,
    version: versions[name],
    revision,
    ...(existsSync(list) && { program: JSON.parse(readFileSync(list, "utf8")) as ProgramFiles }),
  };
}

/**
 * What an image is made from, by its name below `images` in the settings.
 *
 * @throws Error where the settings know no such image
 */
export function imageSource(
  sources: Readonly<Record<string, ImageSource>>,
  image: string,
  revision?: string,
): { pull: string } | { build: BuildContext } {
  const source = sources[image];
  if (source === undefined) throw new Error(`There is no image "${image}": ${Object.keys(sources).join(", ")}`);
  return "pull" in source ? source : { build: buildContext(source.build, revision) };
}

/** What an image is built from. */
export function buildContext(build: keyof typeof versions | FolderBuild, revision?: string): BuildContext {
  return typeof build === "string" ? bundledImage(build, revision) : folderImage(build, revision);
}

/** An image that is built from a user's folder, which says nothing of its version. */
export function folderImage({ name, folder, target }: FolderBuild, revision?: string): BuildContext {
  return { name: `slipway/${name}`, folder, target, version: "local", revision };
}

/** The files of a folder by their paths in it. */
function filesOf(folder: string, { isIgnored, hasExceptions } = dockerIgnore("")): string[] {
  const within = (parent: string): string[] =>
    readdirSync(join(folder, parent), { withFileTypes: true }).flatMap((entry) => {
      const path = join(parent, entry.name);
      if (entry.isDirectory()) return isIgnored(path) && !hasExceptions ? [] : within(path);
      const isFile = statSync(join(folder, path), { throwIfNoEntry: false })?.isFile() === true;
      return isFile && !isIgnored(path) ? [path] : [];
    });
  return within("").sort();
}

/** The files that are sent to Docker. It wants the two that steer the build even where they are to be ignored. */
function contextFiles(folder: string): string[] {
  const file = join(folder, ".dockerignore");
  if (!existsSync(file)) return filesOf(folder);
  const { isIgnored, hasExceptions } = dockerIgnore(readFileSync(file, "utf8"));
  const steering = ["Dockerfile", ".dockerignore"];
  return filesOf(folder, { isIgnored: (path) => !steering.includes(path) && isIgnored(path), hasExceptions });
}

/** Whose permission it is depends on the umask of the clone. */
function isExecutable(file: string): boolean {
  return (statSync(file).mode & 0o111) !== 0;
}

/** Names an image's content before it is built: what is in the folder, the stage, the version and the revision. */
export function contextHash({ folder, target, version, revision, program }: BuildContext): string {
  const named = [version, revision ?? null, ...(target === undefined ? [] : [target])];
  const hash = createHash("sha256").update(JSON.stringify(named));
  for (const path of contextFiles(folder)) {
    const file = join(folder, path);
    const content = readFileSync(file);
    hash.update(JSON.stringify([path, isExecutable(file), content.length])).update(content);
  }
  if (program !== undefined) {
    for (const path of program.files) hash.update(JSON.stringify(path)).update(readFileSync(join(clone, path)));
    for (const name of [nodePackage, ...program.modules]) hash.update(JSON.stringify([name, moduleVersion(name)]));
  }
  return hash.digest("hex").slice(0, 12);
}

/** The name of a built image on the host. */
export function builtReference(context: BuildContext): string {
  return `${context.name}:${context.version}-${contextHash(context)}`;
}

function moduleVersion(name: string): string {
  return (JSON.parse(readFileSync(join(modulesFolder, name, "package.json"), "utf8")) as { version: string }).version;
}

/** The files of a program, with where they stand in the context. */
function programFiles({ files, modules }: ProgramFiles): { path: string; file: string; mode: number }[] {
  return [
    { path: ".build/node", file: join(modulesFolder, nodePackage, "bin", "node"), mode: 0o755 },
    ...files.map((path) => ({ path: `program/${path}`, file: join(clone, path), mode: 0o644 })),
    ...modules.flatMap((name) =>
      filesOf(join(modulesFolder, name))
        .filter((path) => /\.(?:[cm]?js|json)$/.test(path))
        .map((path) => ({
          path: `program/node_modules/${name}/${path}`,
          file: join(modulesFolder, name, path),
          mode: 0o644,
        })),
    ),
  ];
}

/** Adds files one after the other as they are read, however large they are. */
async function addFiles(archive: tar.Pack, files: ReturnType<typeof programFiles>): Promise<void> {
  for (const { path, file, mode } of files) {
    const entry = archive.entry({ name: path, mode, mtime: new Date(0), size: statSync(file).size });
    await pipeline(createReadStream(file), entry);
  }
}

function pack({ folder, program }: BuildContext): Readable {
  const archive = tar.pack();
  for (const path of contextFiles(folder)) {
    const file = join(folder, path);
    const mode = isExecutable(file) ? 0o755 : 0o644;
    archive.entry({ name: path, mode, mtime: new Date(0) }, readFileSync(file));
  }
  // A build stage that downloads installs these; the final stage never sees them.
  archive.entry({ name: ".build/ca-certificates/", type: "directory", mode: 0o755, mtime: new Date(0) });
  for (const path of certificateFiles()) {
    const name = `.build/ca-certificates/${path.replaceAll("/", "-")}`;
    archive.entry({ name, mode: 0o644, mtime: new Date(0) }, readFileSync(join(addedCertificates, path)));
  }
  addFiles(archive, program === undefined ? [] : programFiles(program)).then(
    () => {
      archive.finalize();
    },
    (error: unknown) => {
      archive.destroy(error as Error);
    },
  );
  return Readable.from(archive);
}

function certificateFiles(): string[] {
  try {
    return filesOf(addedCertificates).filter((path) => path.endsWith(".crt"));
  } catch {
    return [];
  }
}

async function exists(client: Docker, image: string): Promise<boolean> {
  try {
    await client.getImage(image).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

/**
 * Builds an image unless it is there already, which its tag tells.
 *
 * @throws Error with the last lines of the build's output when a step fails, or when the base image is missing.
 */
export async function buildImage(
  client: Docker,
  context: BuildContext,
  reference: string,
  say: (line: string) => void,
): Promise<void> {
  if (await exists(client, reference)) return;
  if (!(await exists(client, baseImage))) {
    throw new Error(`The base image ${baseImage} is missing. Make it by: ./slipway doctor --fix`);
  }
  const proxies = proxyVariables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const stream = await client.buildImage(pack(context), {
    t: reference,
    ...(context.target !== undefined && { target: context.target }),
    buildargs: { BASE: baseImage, VERSION: context.version, ...Object.fromEntries(proxies) },
    labels: { "org.opencontainers.image.version": context.version },
    forcerm: true,
    // Docker would take packages from its cache, however old they are.
    nocache: context.revision !== undefined,
  });
  const lines: string[] = [];
  // Docker answers 200 and reports a failed step among the events of the stream.
  const failure = await new Promise<string | undefined>((resolve) => {
    let reported: string | undefined;
    client.modem.followProgress(
      stream,
      (error: Error | null) => {
        resolve(error?.message ?? reported);
      },
      (event: { stream?: string; error?: string }) => {
        reported ??= event.error;
        const line = event.stream?.trim();
        if (line === undefined || line === "") return;
        lines.push(line);
        if (line.startsWith("Step ")) say(line);
      },
    );
  });
  if (failure !== undefined) {
    throw new Error(`Building ${reference} failed: ${failure}\n${lines.slice(-outputLinesInError).join("\n")}`);
  }
}
