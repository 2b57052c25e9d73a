import type Docker from "dockerode";
import type { ComposeProject } from "../../systems/import.ts";
import { composeContainers, composeVolume, type ComposeContainer } from "./compose.ts";
import { lookIntoVolume, refusal, serverUser, type DatabaseData, type DatabaseServer } from "./database-data.ts";

/** What Docker has of an existing installation. */
export interface Installation {
  containers: ComposeContainer[];
  /** The database's volume with its data; absent where there is none. */
  database?: { volume: string; data: DatabaseData; refusal?: string };
  broker?: {
    volume: string;
    /** How many messages wait in its queues; absent where it does not run and cannot be asked. */
    messages?: number;
  };
}

/** Looks at an existing installation. Changes nothing. */
export async function lookAtInstallation(
  client: Docker,
  project: ComposeProject,
  server: DatabaseServer,
): Promise<Installation> {
  const containers = await composeContainers(client, project.name);
  const found: Installation = { containers };
  if (project.database !== undefined) {
    const volume = await composeVolume(client, containers, project.database);
    const image = await anyImage(client, containers);
    const data = volume === undefined || image === undefined ? undefined : await lookIntoVolume(client, volume, image);
    if (volume !== undefined && data !== undefined) {
      const refused = refusal(data, server);
      found.database = { volume, data, ...(refused !== undefined && { refusal: refused }) };
    }
  }
  const { broker } = project;
  const volume = broker && (await composeVolume(client, containers, broker));
  if (volume !== undefined) {
    const container = containers.find(({ service, isRunning }) => isRunning && service === broker?.service);
    const messages = container && (await waitingMessages(client.getContainer(container.id)));
    found.broker = { volume, ...(messages !== undefined && { messages }) };
  }
  return found;
}

/** An image to make a container of that is never started. */
async function anyImage(client: Docker, containers: readonly ComposeContainer[]): Promise<string | undefined> {
  return containers[0]?.image ?? (await client.listImages())[0]?.Id;
}

/** The messages in all queues of RabbitMQ; undefined where it does not tell. */
async function waitingMessages(container: Docker.Container): Promise<number | undefined> {
  const command = ["rabbitmqctl", "--quiet", "list_queues", "--no-table-headers", "messages"];
  const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Tty: true });
  let output = "";
  for await (const chunk of await exec.start({ Tty: true })) output += String(chunk);
  const { ExitCode: code } = await exec.inspect();
  return code === 0 ? (output.match(/\d+/g) ?? []).reduce((sum, count) => sum + Number(count), 0) : undefined;
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
    await container.remove({ v: false });
  }
}

/** What Docker has, in lines for the user. */
export function describeInstallation(
  { containers, database, broker }: Installation,
  project: ComposeProject,
): string[] {
  const running = containers.filter(({ isRunning }) => isRunning);
  return [
    containers.length === 0
      ? `No containers of the Docker Compose project ${project.name}.`
      : `The Docker Compose project ${project.name} has ${containers.length} containers; running: ${running.map(({ name }) => name).join(", ") || "none"}.`,
    ...(project.database === undefined ? [] : [databaseLine(database, project.database.setting)]),
    ...(broker === undefined ? [] : [brokerLine(broker)]),
  ];
}

function databaseLine(database: Installation["database"], setting: string): string {
  if (database === undefined) return "No volume with the database's data: the stack begins with an empty one.";
  const { volume, data, refusal: refused } = database;
  if (refused !== undefined) return `The volume ${volume} ${refused}.`;
  const owner =
    data.userId === serverUser
      ? ""
      : ` They belong to user ${data.userId}, and the server runs as ${serverUser}: the take-over asks whether to change that.`;
  return `The volume ${volume} holds data of ${data.family} ${data.version ?? "(version unknown)"} → ${setting}. It is mounted by its name and never becomes the stack's.${owner}`;
}

function brokerLine({ volume, messages }: NonNullable<Installation["broker"]>): string {
  const state =
    messages === undefined
      ? "Its queues could not be looked at: it has to run for that."
      : messages === 0
        ? "Its queues are empty."
        : `Its queues hold ${messages} messages, which would be left behind: wait until the workers have done them.`;
  return `The message queue's volume ${volume} is kept, and not used by the stack. ${state}`;
}

/** How data get into a database that cannot open them. */
export function dumpAndLoad(
  { containers }: Installation,
  { service, databaseName, dbshell }: { service: string; databaseName: string; dbshell: string },
): string {
  const container = containers.find((each) => each.service === service)?.name ?? "<the old database's container>";
  return [
    "Dump the data with the old server, deploy the stack with an empty database of its own, and load the dump:",
    `  docker exec ${container} sh -c 'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysqldump --user=root --single-transaction --routines --events --triggers ${databaseName}' > dump.sql`,
    `  ${dbshell} < dump.sql`,
  ].join("\n");
}
