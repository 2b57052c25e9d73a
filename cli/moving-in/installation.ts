import { dirname, resolve } from "node:path";
import type Docker from "dockerode";
import { isServersOwn } from "../../settings/postgresql.ts";
import type { ComposeDatabase, ComposeProject, ComposeVolume } from "../../systems/import.ts";
import { quoted } from "../terminal/quoted.ts";
import { composeContainers, composeData, composeProjectOf, type ComposeContainer, type DataPlace } from "./compose.ts";
import { fullQueues, inWords, type Queue } from "./queues.ts";
import { lookIntoVolume, refusal, serverUser, type DatabaseData, type DatabaseServer } from "./database-data.ts";

/** A Docker Compose project as Docker has it. */
export interface FoundProject extends ComposeProject {
  name: string;
}

/** What the database's container was told at its start. */
export interface DatabaseIdentity {
  /** The container's name. */
  container: string;
  databaseName: string;
  userName: string;
  /** Undefined: it is in no variable. */
  password?: string;
}

/** What Docker has of an existing installation. */
export interface Installation {
  project: FoundProject;
  containers: ComposeContainer[];
  /** The database's volume with its data; absent where there is none. */
  database?: {
    volume: string;
    /** Where the data are within the volume; empty at its top. */
    folder: string;
    data: DatabaseData;
  };
  /** Absent where the database has no container, or one that is told otherwise. */
  identity?: DatabaseIdentity;
  /** Why the stack cannot have the database's data as they are, as a sentence without a full stop. */
  refusal?: string;
  broker?: {
    volume: string;
    /** Id of its container; absent where it does not run. */
    container?: string;
    /** Its queues that are not empty; absent where it does not run or cannot be asked. */
    queues?: Queue[];
  };
}

/**
 * Looks at an existing installation. Changes nothing.
 *
 * @param settingsFile what the project is found by where its variables do not name it
 */
export async function lookAtInstallation(
  client: Docker,
  { name: named, ...project }: ComposeProject,
  server: DatabaseServer,
  settingsFile: string,
): Promise<Installation> {
  const name = named ?? (await composeProjectOf(client, dirname(resolve(settingsFile))));
  const containers = await composeContainers(client, name);
  const database = project.database && withService(project.database, containers);
  return {
    project: { ...project, name, ...(database && { database }) },
    containers,
    ...(database && (await lookAtDatabase(client, name, containers, database, server))),
    ...(await lookAtBroker(client, name, containers, project.broker)),
  };
}

/** The database by the name that its service has in this version of the Compose file. */
function withService(database: ComposeDatabase, containers: readonly ComposeContainer[]): ComposeDatabase {
  const names = [database.service, ...(database.otherServices ?? [])];
  const service = names.find((name) => containers.some((container) => container.service === name));
  return { ...database, service: service ?? database.service };
}

async function lookAtDatabase(
  client: Docker,
  project: string,
  containers: readonly ComposeContainer[],
  database: ComposeDatabase,
  server: DatabaseServer,
): Promise<Pick<Installation, "database" | "identity" | "refusal">> {
  const place = await composeData(client, project, containers, database);
  const identity = database.credentials && identityOf(containers.find(({ service }) => service === database.service));
  const found = { ...(identity !== undefined && { identity }) };
  if (place !== undefined && "hostFolder" in place) {
    return {
      ...found,
      refusal: `The database's data are in the folder ${place.hostFolder} of the host, and the stack mounts volumes only`,
    };
  }
  const image = await anyImage(client, containers);
  const data = place === undefined || image === undefined ? undefined : await lookIntoVolume(client, place, image);
  if (place === undefined || data === undefined) return found;
  const reason = whyNot(place, data, database, identity, server);
  return {
    ...found,
    database: { ...place, data },
    ...(reason !== undefined && { refusal: `The volume ${place.volume} ${reason}` }),
  };
}

/** Why the stack cannot have data as they are; nothing when it can. */
function whyNot(
  { folder }: Extract<DataPlace, { volume: string }>,
  data: DatabaseData,
  { folderSetting, databaseName, userName }: ComposeDatabase,
  identity: DatabaseIdentity | undefined,
  server: DatabaseServer,
): string | undefined {
  const kind = refusal(data, server);
  if (kind !== undefined) return kind;
  const own = [identity?.userName ?? userName, identity?.databaseName ?? databaseName].find(isServersOwn);
  if (data.family === "PostgreSQL" && own !== undefined) {
    return `holds data of ${own}, which is the server's own: here both database and user are the application's alone`;
  }
  return folder !== "" && folderSetting === undefined ? `has its data in a folder, ${folder}` : undefined;
}

/**
 * What the container of a PostgreSQL server was told.
 *
 * Source of the defaults: the official image's entry point.
 */
function identityOf(container: ComposeContainer | undefined): DatabaseIdentity | undefined {
  if (container === undefined) return undefined;
  const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD } = container.environment;
  const isToldByFile = ["POSTGRES_USER_FILE", "POSTGRES_DB_FILE"].some((name) => name in container.environment);
  if (isToldByFile) return undefined;
  const userName = POSTGRES_USER ?? "postgres";
  return {
    container: container.name,
    userName,
    databaseName: POSTGRES_DB ?? userName,
    ...(POSTGRES_PASSWORD !== undefined && { password: POSTGRES_PASSWORD }),
  };
}

async function lookAtBroker(
  client: Docker,
  project: string,
  containers: readonly ComposeContainer[],
  broker: ComposeVolume | undefined,
): Promise<Pick<Installation, "broker">> {
  const place = broker && (await composeData(client, project, containers, broker));
  if (place === undefined || "hostFolder" in place) return {};
  const container = containers.find(({ service, isRunning }) => isRunning && service === broker?.service);
  const queues = container && (await fullQueues(client.getContainer(container.id)));
  return {
    broker: { volume: place.volume, ...(container && { container: container.id }), ...(queues && { queues }) },
  };
}

/** An image to make a container of that is never started. */
async function anyImage(client: Docker, containers: readonly ComposeContainer[]): Promise<string | undefined> {
  return containers[0]?.image ?? (await client.listImages())[0]?.Id;
}

/**
 * Gives all files in a volume to another user.
 *
 * @param image one that has a shell's usual commands
 */
export async function giveVolumeTo(client: Docker, volume: string, userId: number, image: string): Promise<void> {
  const container = await client.createContainer({
    Image: image,
    User: "0:0",
    Entrypoint: ["chown"],
    Cmd: ["-R", `${userId}:${userId}`, "/data"],
    NetworkDisabled: true,
    HostConfig: { Binds: [`${volume}:/data`] },
  });
  try {
    await container.start();
    const { StatusCode: code } = (await container.wait()) as { StatusCode: number };
    if (code !== 0) throw new Error(`The files in the volume ${volume} could not be given to user ${userId}.`);
  } finally {
    await container.remove({ v: true });
  }
}

/** What Docker has, in lines for the user. */
export function describeInstallation(installation: Installation): string[] {
  const { containers, project, refusal: refused, broker } = installation;
  const running = containers.filter(({ isRunning }) => isRunning);
  return [
    containers.length === 0
      ? `No containers of the Docker Compose project ${project.name}. Is it called otherwise (docker compose ls --all)? Then put COMPOSE_PROJECT_NAME=<its name> into the settings file.`
      : `The Docker Compose project ${project.name} has ${containers.length} containers; running: ${running.map(({ name }) => name).join(", ") || "none"}.`,
    ...(project.database === undefined
      ? []
      : refused === undefined
        ? databaseLines(installation, project.database)
        : [`${refused}.`]),
    ...(broker === undefined ? [] : [brokerLine(broker)]),
  ];
}

function databaseLines({ database, containers }: Installation, { setting, service }: ComposeDatabase): string[] {
  if (database === undefined) {
    return [
      `No volume with the database's data: the stack begins with an empty one. If Docker has it (docker volume ls), name it by ${setting}.`,
    ];
  }
  const { volume, folder, data } = database;
  const place = `The volume ${volume} holds data of ${data.family} ${data.version ?? "(version unknown)"}${folder === "" ? "" : `, in its folder ${folder}`}`;
  const container = containers.find((each) => each.service === service)?.name ?? "the old container";
  return [
    `${place} → ${setting}. It is mounted by its name and never becomes the stack's.`,
    ...(isAnonymous(volume)
      ? [
          `That volume has no name but its number, because Docker made it for ${container} alone. Caution: docker rm --volumes ${container} removes it, and so does docker volume prune, while no container uses it.`,
        ]
      : []),
    ...(data.userId === serverUser
      ? []
      : [
          `Its files belong to user ${data.userId}, and the server runs as ${serverUser}: the take-over asks whether to change that.`,
        ]),
    ...(data.family === "PostgreSQL" && data.userId === alpineUser
      ? [
          "An image of Alpine wrote them, which sorts text otherwise: after the take-over, type REINDEX DATABASE in dbshell.",
        ]
      : []),
  ];
}

/** The user of PostgreSQL in the official images of Alpine. */
const alpineUser = 70;

/** Docker names a volume that nobody names by 64 hexadecimal digits. */
function isAnonymous(volume: string): boolean {
  return /^[0-9a-f]{64}$/.test(volume);
}

function brokerLine({ volume, queues }: NonNullable<Installation["broker"]>): string {
  const state =
    queues === undefined
      ? "Its queues could not be looked at: it has to run for that."
      : queues.length === 0
        ? "Its queues are empty."
        : `Its queues hold ${inWords(queues)}, which would be left behind: with --drain, the take-over waits until the workers have done them.`;
  return `The message queue's volume ${volume} is kept, and not used by the stack. ${state}`;
}

/**
 * How data get into a database that cannot have them as they are.
 *
 * @param type the commands that deploy the stack and load the dump
 */
export function dumpAndLoad(
  { containers, identity }: Installation,
  { service, server, databaseName, userName }: ComposeDatabase,
  type: { up: string; dbshell: string },
): string {
  const running = containers.filter(({ isRunning }) => isRunning).map(({ name }) => name);
  const container = containers.find((each) => each.service === service)?.name ?? "<the old database's container>";
  const dump = {
    MariaDB: `sh -c 'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysqldump --user=root --single-transaction --routines --events --triggers ${databaseName}'`,
    PostgreSQL: `pg_dump --username=${quoted(identity?.userName ?? userName)} --no-owner --no-privileges --clean --if-exists ${quoted(identity?.databaseName ?? databaseName)}`,
  };
  return [
    "Dump the data with the old server, deploy the stack with an empty database of its own, and load the dump:",
    `  (umask 077; docker exec ${container} ${dump[server]} > dump.sql)`,
    ...(running.length === 0 ? [] : [`  docker stop ${running.join(" ")}`]),
    `  ${type.up}`,
    `  ${type.dbshell} < dump.sql`,
  ].join("\n");
}
