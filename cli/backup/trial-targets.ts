import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import { lastLogLines } from "../../components/gate.ts";
import type { Report } from "../../toolchain/report.js";
import type { Member } from "../docker/containers.ts";
import { ignoring } from "../docker/docker.ts";
import { Failure } from "../failure.ts";

/** How long a database may take to be there, in milliseconds. */
const patience = 10 * 60_000;
const poll = 300;

/** Throw-away containers in which a backup can be restored as in those of a stack. */
export interface TrialTargets {
  /** Like the stack's, but for their ids, their volumes, which are new and empty, and their network, which leads nowhere. */
  members: Member[];
  /** Removes them, their volumes and their network. */
  remove: () => Promise<void>;
}

/** The services of a stack in which a backup is restored: its databases, and those whose files are saved; each once. */
export function trialServices(members: readonly Member[]): Member[] {
  const wanted = members.filter(
    ({ kind, operations }) =>
      kind === "service" && (operations?.database !== undefined || operations?.savedFolders !== undefined),
  );
  return [
    ...new Map([...wanted].reverse().map((member) => [`${member.system} ${member.name}`, member])).values(),
  ].reverse();
}

/**
 * Makes throw-away containers like those of services, and waits until their databases are there. The stack's own containers
 * and volumes are not touched: what is shared, such as the files with passwords, is mounted read-only.
 *
 * @param owner the labels of everything that is the stack's
 * @throws Failure when one cannot be made or its database does not come; nothing is left then.
 */
export async function makeTrialTargets(
  client: Docker,
  owner: Readonly<Record<string, string>>,
  services: readonly Member[],
  report: Report,
  signal: AbortSignal,
): Promise<TrialTargets> {
  const suffix = `drill-${randomBytes(4).toString("hex")}`;
  const labels = { ...owner, [label.drill]: suffix };
  const remove = () => removeDrills(client, { [label.drill]: suffix });
  try {
    const network = `${services[0]?.container ?? "slipway"}-${suffix}`;
    await client.createNetwork({ Name: network, Internal: true, Labels: labels });
    const members: Member[] = [];
    for (const service of services) {
      members.push(await makeTarget(client, service, { suffix, network, labels, signal, report }));
    }
    return { members, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Surroundings {
  /** What the names of everything end with. */
  suffix: string;
  network: string;
  labels: Record<string, string>;
  report: Report;
  signal: AbortSignal;
}

async function makeTarget(
  client: Docker,
  service: Member,
  { suffix, network, labels, report, signal }: Surroundings,
): Promise<Member> {
  const { Config: config, HostConfig: host, Mounts: mounts } = await client.getContainer(service.id).inspect();
  const isDatabase = service.operations?.database !== undefined;
  const name = `${service.container}-${suffix}`;
  const binds = await Promise.all(
    mounts
      .filter(({ Type: type, RW: writable, Destination: target }) =>
        writable ? isDatabase || service.operations?.savedFolders?.includes(target) : isDatabase && type === "volume",
      )
      .map(async ({ RW: writable, Name: volume, Destination: target }, index) => {
        if (!writable) return `${volume ?? ""}:${target}:ro`;
        const own = await client.createVolume({ Name: `${name}-${index}`, Labels: labels });
        return `${own.name}:${target}:rw`;
      }),
  );
  const container = await client.createContainer({
    name,
    Image: config.Image,
    User: config.User,
    Hostname: config.Hostname,
    Env: config.Env,
    WorkingDir: config.WorkingDir,
    ...(config.Entrypoint && { Entrypoint: config.Entrypoint }),
    Cmd: config.Cmd,
    Labels: labels,
    ...(config.Healthcheck && { Healthcheck: config.Healthcheck }),
    HostConfig: {
      ...host,
      Binds: binds,
      Mounts: [],
      NetworkMode: network,
      PortBindings: {},
      RestartPolicy: { Name: "no" },
    },
  });
  const target = { ...service, id: container.id, container: name };
  if (!isDatabase) return target;
  await report.step(`Starting a throw-away ${service.name}`, "on a network that leads nowhere", async () => {
    await container.start();
    await untilHealthy(container, service.name, signal);
  });
  return { ...target, state: "running" };
}

async function untilHealthy(container: Docker.Container, name: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + patience;
  for (;;) {
    signal.throwIfAborted();
    const { State: state } = await container.inspect();
    if (state.Health?.Status === "healthy") return;
    if (!state.Running || Date.now() > deadline) {
      throw new Failure(
        `A throw-away ${name} did not get healthy. Its last log lines:\n${await lastLogLines(container)}`,
      );
    }
    await sleep(poll);
  }
}

/** Removes drills by labels and their values: the containers, volumes and networks that were made for them. */
export async function removeDrills(client: Docker, wanted: Record<string, string>): Promise<void> {
  const filters = { label: [label.drill, ...Object.entries(wanted).map(([name, value]) => `${name}=${value}`)] };
  const gone = ignoring(404, 409);
  for (const { Id: id } of await client.listContainers({ all: true, filters })) {
    await client.getContainer(id).remove({ force: true, v: true }).catch(gone);
  }
  const { Volumes: volumes } = await client.listVolumes({ filters: JSON.stringify(filters) });
  for (const { Name: name } of volumes) await client.getVolume(name).remove().catch(gone);
  for (const { Id: id } of await client.listNetworks({ filters })) await client.getNetwork(id).remove().catch(gone);
}
