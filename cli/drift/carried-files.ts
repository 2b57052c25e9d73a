import { createHash } from "node:crypto";
import { basename, dirname } from "node:path/posix";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type Docker from "dockerode";
import tar from "tar-stream";
import { fileVolumeName } from "../../components/file-volume-name.ts";
import type { DeclaredContainer } from "./declared.ts";
import type { Difference } from "./differences.ts";

interface Upload {
  /** Absolute path in the carrier. */
  file: string;
  content: string;
}

interface FoundFile {
  checksum: string;
  mode: number;
  uid: number;
  gid: number;
}

/** The mode of every generated file. */
const fileMode = 0o400;

/** The volume that a carrier fills with generated files; nothing for other containers. */
export function carriedVolume({ inputs }: DeclaredContainer): string | undefined {
  const [volume] = (inputs["volumes"] ?? []) as { volumeName?: string }[];
  return uploadsOf(inputs).length === 0 ? undefined : volume?.volumeName;
}

function uploadsOf(inputs: Record<string, unknown>): Upload[] {
  return (inputs["uploads"] ?? []) as Upload[];
}

/** Compares the files that a carrier was given with what is in its volume now. No content is ever shown. */
export async function fileDifferences(client: Docker, { name, inputs, id }: DeclaredContainer): Promise<Difference[]> {
  const uploads = uploadsOf(inputs);
  const folder = dirname(uploads[0]?.file ?? "/");
  const archive = await client.getContainer(id).getArchive({ path: folder });
  const found = await filesIn(Readable.from(archive, { objectMode: false }));
  const volume = carriedVolume({ inputs } as DeclaredContainer);
  const names = uploads.map(({ file }) => basename(file));
  return [
    ...uploads.flatMap(({ file, content }): Difference[] => {
      const what = `file ${basename(file)}`;
      const there = found.get(basename(file));
      if (there === undefined) return [{ what, declared: "as it was generated" }];
      if (there.checksum !== sha256(content)) {
        return [{ what, declared: "as it was generated", there: "with another content" }];
      }
      if (there.mode !== fileMode) {
        return [{ what, declared: `mode ${octal(fileMode)}`, there: `mode ${octal(there.mode)}` }];
      }
      // The volume is named after its files and their owner.
      if (fileVolumeName(name, names, there) === volume) return [];
      return [{ what, declared: "for its service's user", there: `of the user ${there.uid}:${there.gid}` }];
    }),
    ...[...found.keys()]
      .filter((file) => !names.includes(file))
      .map((file): Difference => ({ what: `file ${file}`, there: "a file that was not generated" })),
  ];
}

function sha256(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Everything but the folder itself, by names relative to it. */
async function filesIn(archive: Readable): Promise<Map<string, FoundFile>> {
  const found = new Map<string, FoundFile>();
  const extract = tar.extract();
  const fed = pipeline(archive, extract);
  fed.catch(() => undefined);
  for await (const entry of extract) {
    const { name, type, mode, uid, gid } = entry.header;
    const checksum = createHash("sha256");
    for await (const chunk of entry as AsyncIterable<Buffer>) checksum.update(chunk);
    const path = name.replace(/\/$/, "").split("/").slice(1).join("/");
    if (path === "") continue;
    // A link or folder in a file's place is another content.
    found.set(path, {
      checksum: type === "file" ? checksum.digest("hex") : type,
      mode: mode & 0o7777,
      uid,
      gid,
    });
  }
  await fed;
  return found;
}
