import type Docker from "dockerode";
import { extract } from "tar-stream";
import versions from "../../images/versions.json" with { type: "json" };

/** The kinds of servers whose data are known by their files. */
export type DatabaseFamily = "MariaDB" | "MySQL" | "PostgreSQL";

/** What lies in a volume with the data of a database server. */
export interface DatabaseData {
  family: DatabaseFamily;
  /** The version that wrote them, such as `10.11` or PostgreSQL's `15`; absent where the data do not tell. */
  version?: string;
  /** The user whose they are. */
  userId: number;
}

/** A server that is to open such data. */
export interface DatabaseServer {
  /** Absent where its image's name does not tell. */
  family?: DatabaseFamily;
  version?: string;
}

/** The user that servers of all families run as, in the official images of Debian and in the stack's own. */
export const serverUser = 999;

/**
 * Looks into a volume without starting anything: a container that is made for it, and never started, lets Docker read
 * the files.
 *
 * Source of what tells the servers apart: their data folders; `mysql_upgrade_info` is written by both, `aria_log_control`
 * by MariaDB only, `mysql.ibd` by MySQL from 8.0 on only; `PG_VERSION` is PostgreSQL's, and holds its major version.
 *
 * @param folder where the data are within the volume; empty at its top
 * @param image any image that Docker has
 * @returns undefined when no such data are in it.
 */
export async function lookIntoVolume(
  client: Docker,
  { volume, folder }: { volume: string; folder: string },
  image: string,
): Promise<DatabaseData | undefined> {
  const data = folder === "" ? "/data" : `/data/${folder}`;
  const container = await client.createContainer({
    Image: image,
    Cmd: ["true"],
    Entrypoint: [],
    NetworkDisabled: true,
    HostConfig: { Binds: [`${volume}:/data:ro`] },
  });
  try {
    const postgresql = await firstEntry(container, `${data}/PG_VERSION`);
    if (postgresql !== undefined) {
      return { family: "PostgreSQL", userId: postgresql.userId, version: postgresql.text.trim() };
    }
    const userId = (await firstEntry(container, `${data}/ibdata1`))?.userId;
    if (userId === undefined) return undefined;
    const [mariadb, mysql, ...notes] = await Promise.all(
      ["aria_log_control", "mysql.ibd", "mariadb_upgrade_info", "mysql_upgrade_info"].map((name) =>
        firstEntry(container, `${data}/${name}`),
      ),
    );
    const written = notes
      .map((note) => /^\d+\.\d+/.exec(note?.text ?? "")?.[0])
      .find((version) => version !== undefined);
    if (mariadb !== undefined) return { family: "MariaDB", userId, ...(written !== undefined && { version: written }) };
    const version = mysql !== undefined ? (written ?? "8.0") : (written ?? "5.7");
    return { family: "MySQL", userId, version };
  } finally {
    // With the volumes that its image has Docker make for it; one that is mounted by a name stays.
    await container.remove({ v: true });
  }
}

/** The head of a file in a container, running or not; undefined when it is not there. */
async function firstEntry(
  container: Docker.Container,
  path: string,
): Promise<{ userId: number; text: string } | undefined> {
  const archive = await container.getArchive({ path }).catch((error: unknown) => {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  });
  if (archive === undefined) return undefined;
  const entries = archive.pipe(extract());
  for await (const entry of entries) {
    const { uid, size } = entry.header;
    // A table space may be large, and only its owner is of interest.
    let text = "";
    if (size < 1024) for await (const chunk of entry) text += String(chunk);
    (archive as NodeJS.ReadableStream & { destroy(): void }).destroy();
    return { userId: uid, text };
  }
  return undefined;
}

/** The servers that the stack builds. */
const builtServers = {
  MariaDB: { family: "MariaDB", version: versions.mariadb },
  PostgreSQL: { family: "PostgreSQL", version: versions.postgresql },
} as const;

/**
 * The server that a stack's database will be, by the setting of its image.
 *
 * @param standard the family of the server that is built where none is set
 */
export function serverOf(image: unknown, standard: keyof typeof builtServers): DatabaseServer {
  if (typeof image !== "string") return builtServers[standard];
  const [, name = "", version] = /^([^:@]+)(?::(\d+(?:\.\d+)?))?/.exec(image.slice(image.lastIndexOf("/") + 1)) ?? [];
  const family = /mariadb/i.test(name)
    ? "MariaDB"
    : /mysql|percona/i.test(name)
      ? "MySQL"
      : /postgres|postgis/i.test(name)
        ? "PostgreSQL"
        : undefined;
  return { ...(family !== undefined && { family }), ...(version !== undefined && { version }) };
}

/** Why a server must not open data; nothing when it may. */
export function refusal(data: DatabaseData, server: DatabaseServer): string | undefined {
  const named = ({ family, version }: DatabaseServer) =>
    [family ?? "an unknown server", version ?? ""].join(" ").trimEnd();
  if (server.family === undefined) return undefined;
  if (data.family !== server.family) {
    return `holds data of ${named(data)}, which ${named(server)} cannot open`;
  }
  if (data.family === "PostgreSQL") {
    const [major] = server.version?.split(".") ?? [];
    return major === undefined || data.version === major
      ? undefined
      : `holds data of ${named(data)}, which ${named({ family: "PostgreSQL", version: major })} cannot open`;
  }
  if (data.version !== undefined && server.version !== undefined && isNewer(data.version, server.version)) {
    return `holds data of ${named(data)}, which the older ${named(server)} must not open`;
  }
  return undefined;
}

function isNewer(one: string, other: string): boolean {
  const [a = 0, b = 0] = one.split(".").map(Number);
  const [c = 0, d] = other.split(".").map(Number);
  return a > c || (a === c && d !== undefined && b > d);
}
