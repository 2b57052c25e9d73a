import { z } from "zod";

/**
 * What a backup consists of: a tar archive with these members and no others, in this order. Why: decision record 16.
 */
export const member = {
  manifest: "manifest.json",
  stackFile: "stack-file.yaml",
  state: "state.json",
  contents: "contents.json",
  seal: "contents.sha256",
} as const;

/** Size of the pieces that a part is cut into, in bytes: a member of a tar archive says beforehand how long it is. */
export const pieceSize = 1024 * 1024;

/** How long a member may be that is read as a whole, in bytes. */
export const textLimit = 256 * 1024 * 1024;

/** The newest version of the format that is understood. */
export const formatVersion = 1;

const name = z.string().min(1).max(1000);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

const databaseSchema = z.strictObject({
  kind: z.literal("database"),
  system: name,
  service: name,
  /** Software and version, such as `MariaDB 10.11`. */
  version: name.optional(),
});

const filesSchema = z.strictObject({
  kind: z.literal("files"),
  system: name,
  service: name,
  /** The folder in the service's container. Says which one is meant; nothing is ever written there because of it. */
  folder: name,
});

/** What one part holds: a database's dump, or the files of a volume. */
export const partSchema = z.discriminatedUnion("kind", [databaseSchema, filesSchema]);

/** The first member: what there is. */
export const manifestSchema = z.strictObject({
  format: z.literal("slipway-backup"),
  version: z.literal(formatVersion),
  stack: name,
  /** When the backup began, in ISO 8601. */
  created: z.iso.datetime(),
  /** The images of the services, by system and service, such as `clinic/mysql`. */
  images: z.record(name, name),
  parts: z.array(partSchema).max(999),
});

const sizeSchema = z.strictObject({ bytes: count, sha256 });

/** What a database that was loaded is compared with. */
const databaseProofSchema = z.strictObject({
  kind: z.literal("database"),
  /** The rows of each table just before the dump and just after it: others may have been writing. */
  rows: z.record(name, z.tuple([count, count])).optional(),
  /** Checksum of the dump, see `dump-checksum.ts`. */
  dump: sha256,
});

/** What files that were put back are compared with. */
const filesProofSchema = z.strictObject({
  kind: z.literal("files"),
  files: count,
  /** Sum of their sizes. */
  bytes: count,
  /** Checksum of names, owners, modes and contents, see `saved-files.ts`. */
  checksum: sha256,
});

/** The last but one member: how much there was, and by what it is told whether a restored system has it again. */
export const contentsSchema = z.strictObject({
  /** The members that are no part, by name. */
  members: z.record(name, sizeSchema),
  parts: z.array(
    z.strictObject({
      ...sizeSchema.shape,
      proof: z.discriminatedUnion("kind", [databaseProofSchema, filesProofSchema]),
    }),
  ),
});

export type Part = z.infer<typeof partSchema>;
export type Manifest = z.infer<typeof manifestSchema>;
export type Contents = z.infer<typeof contentsSchema>;
export type Proof = Contents["parts"][number]["proof"];

/** The name of one piece of a part. */
export function pieceName(part: number, piece: number): string {
  return `${partFolder(part)}${String(piece).padStart(8, "0")}`;
}

/** What the names of the pieces of a part begin with. */
function partFolder(part: number): string {
  return `part-${String(part).padStart(3, "0")}/`;
}

/** A part as a person would call it. */
export function partTitle(part: Part): string {
  return part.kind === "database" ? `the database ${part.service}` : `the files of ${part.service} in ${part.folder}`;
}
