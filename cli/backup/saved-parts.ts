import type Docker from "dockerode";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import type { Part, Proof } from "./archive-format.ts";
import type { BackupTools, ServiceMember } from "./backup-tools.ts";
import type { Member } from "../docker/containers.ts";
import type { DockerPipe } from "../docker/docker-pipe.ts";
import { DumpChecksum } from "./dump-checksum.ts";
import { Failure } from "../failure.ts";
import { surveyFiles } from "./saved-files.ts";

/** A part of a deployed stack's data, and where it is. */
export type DeployedPart = { part: Part; member: Member } & (
  { database: NonNullable<NonNullable<Member["operations"]>["database"]> } | { volume: string }
);

/** What is needed to read a part. */
export type ReadTools = Pick<BackupTools, "saveFiles" | "execIn" | "ask">;

/** A part of which is known how to read it. */
export type ReadablePart = { part: Part; member: ServiceMember } & (
  { database: Pick<NonNullable<NonNullable<Member["operations"]>["database"]>, "dump" | "rows"> } | { volume: string }
);

/** Everything of a deployed stack that a backup saves, in an order that is always the same. */
export async function findParts(client: Docker, members: readonly Member[]): Promise<DeployedPart[]> {
  const services = members.filter(({ kind }) => kind === "service");
  const databases = firstOfEach(
    services.filter(({ operations }) => operations?.database !== undefined),
    ({ system, name }) => `${system} ${name}`,
  ).flatMap((member): DeployedPart[] => {
    const database = member.operations?.database;
    if (database === undefined) return [];
    return [{ part: { kind: "database", system: member.system, service: member.name }, member, database }];
  });
  const folders = await Promise.all(
    services.map(async (member) => {
      const wanted = member.operations?.savedFolders ?? [];
      if (wanted.length === 0) return [];
      const { Mounts: mounts } = await client.getContainer(member.id).inspect();
      return wanted.map((folder): DeployedPart & { volume: string } => {
        const mount = mounts.find(({ Destination: target }) => target === folder);
        if (mount?.Type !== "volume" || mount.Name === undefined) {
          throw new Failure(
            `At ${folder} of ${member.container} there is no volume of Docker's whose files could be saved.`,
          );
        }
        return {
          part: { kind: "files", system: member.system, service: member.name, folder },
          member,
          volume: mount.Name,
        };
      });
    }),
  );
  return [...databases, ...firstOfEach(folders.flat(), ({ volume }) => volume)];
}

function firstOfEach<T>(all: readonly T[], keyOf: (one: T) => string): T[] {
  return [...new Map([...all].reverse().map((one) => [keyOf(one), one])).values()].reverse();
}

/** What a part is known by, in the archive and among what is deployed. */
export function partKey(part: Part): string {
  const { kind, system, service } = part;
  return JSON.stringify([kind, system, service, kind === "files" ? part.folder : null]);
}

/** A part as it is at this moment. */
export interface ReadPart {
  content: AsyncIterable<Buffer>;
  /** When the content was read to its end: what it is compared with after it was restored. */
  proof: () => Promise<Proof>;
}

/**
 * Reads a part.
 *
 * @param note is told of files that cannot be saved
 * @param how.atRest nobody writes meanwhile: rows are counted once, while they are read. @default others may write
 * @param how.isCounted of a database nothing but its rows is asked for: there is no content. @default it is dumped
 */
export async function readPart(
  tools: ReadTools,
  { part, member, ...where }: ReadablePart,
  note: (problem: string) => void,
  { atRest = false, isCounted = false }: { atRest?: boolean; isCounted?: boolean } = {},
): Promise<ReadPart> {
  if ("volume" in where) return readFiles(tools, where.volume, note);
  const { database } = where;
  const count = () => rowsOf(tools, member, database.rows);
  const counting = count();
  counting.catch(() => undefined);
  if (!atRest) await counting;
  const checksum = new DumpChecksum();
  return {
    content: (async function* () {
      if (isCounted) return;
      const { stdin, stdout, ended } = tools.execIn(member, database.dump, `Dumping the database ${part.service}`);
      stdin.end();
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        checksum.update(chunk);
        yield chunk;
      }
      await ended;
    })(),
    proof: async () => {
      const rowsBefore = await counting;
      const rowsAfter = atRest ? rowsBefore : await count();
      const names = Object.keys({ ...rowsBefore, ...rowsAfter }).sort();
      const range = (name: string): [number, number] => {
        const [before, after] = [rowsBefore?.[name] ?? 0, rowsAfter?.[name] ?? 0];
        return [Math.min(before, after), Math.max(before, after)];
      };
      return {
        kind: "database",
        dump: checksum.digest(),
        ...(rowsAfter !== undefined && { rows: Object.fromEntries(names.map((name) => [name, range(name)])) }),
      };
    },
  };
}

async function rowsOf(tools: ReadTools, member: ServiceMember, command: readonly string[] | undefined) {
  if (command === undefined) return undefined;
  const text = await tools.ask(member, command, `Counting the rows of ${member.name}`);
  return Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line): [string, number] => {
        const tab = line.lastIndexOf("\t");
        return [line.slice(0, tab), Number(line.slice(tab + 1))];
      }),
  );
}

/**
 * Reads the files of a volume.
 *
 * @param note is told of files that cannot be saved; what it throws ends the reading
 */
export function readFiles(tools: ReadTools, volume: string, note: (problem: string) => void): ReadPart {
  const { stdin, stdout, ended } = tools.saveFiles(volume);
  stdin.end();
  const pack = tar.pack();
  const survey = surveyFiles(stdout, note, pack);
  survey.catch((error: unknown) => {
    pack.destroy(error as Error);
  });
  return {
    content: (async function* () {
      yield* pack as AsyncIterable<Buffer>;
      await ended;
    })(),
    proof: async () => ({ kind: "files", ...(await survey) }),
  };
}

/** Replaces a part by what was saved. Caution: what was there is lost. */
export async function writePart(
  tools: BackupTools,
  { part, member, ...where }: DeployedPart,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const pipe =
    "volume" in where
      ? tools.loadFiles(where.volume)
      : tools.execIn(member, where.database.load, `Loading the database ${part.service}`);
  await feed(pipe, content);
}

/**
 * Hands a process all that it reads, and waits until it has ended well.
 *
 * @throws Failure with what the process complained of.
 */
export async function feed({ stdin, stdout, ended }: DockerPipe, content: AsyncIterable<Buffer>): Promise<void> {
  stdout.resume();
  const [fed, loaded] = await Promise.allSettled([pipeline(content, stdin), ended]);
  // When the process ended too early, it has said why; its closed pipe only follows from it.
  if (fed.status === "rejected" && !isClosedPipe(fed.reason)) throw fed.reason as Error;
  if (loaded.status === "rejected") throw loaded.reason as Error;
  if (fed.status === "rejected") throw fed.reason as Error;
}

function isClosedPipe(error: unknown): boolean {
  return ["EPIPE", "ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE"].includes(String((error as NodeJS.ErrnoException).code));
}
