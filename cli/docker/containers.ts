import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import { serviceOperationsSchema, type ServiceOperations } from "../../components/operations.ts";
import { ignoring } from "./docker.ts";
import type { StoredState } from "../deployment/state.ts";

/** A port of a container that is published on the host. */
export interface Published {
  address: string;
  hostPort: number;
  containerPort: number;
}

/** A container of a service or task, as Docker sees it. */
export interface Member {
  kind: "service" | "task";
  system: string;
  /** Name of the service or task. */
  name: string;
  container: string;
  /** Id of the container in Docker. */
  id: string;
  /** The image's reference. */
  image: string;
  /** Docker's word, such as `running` or `exited`. */
  state: string;
  /** Docker's word; nothing for what has no health check, as tasks. */
  health?: string;
  /** What the last health check printed. */
  healthOutput?: string;
  exitCode: number;
  startedAt: Date;
  finishedAt: Date;
  restarts: number;
  /** Whether somebody stopped it: after every other end, Docker would start it again. */
  stopped: boolean;
  /** Whether it is the user's to start and stop. */
  standby: boolean;
  ports: Published[];
  operations?: ServiceOperations;
}

/**
 * Finds the containers of a stack's services and tasks by their labels.
 *
 * @param state what is known of the stack's state: another home has another one, and its stacks of the same name are left out
 */
export async function listMembers(
  client: Docker,
  stack: string,
  state: Pick<StoredState, "stateId"> | undefined,
): Promise<Member[]> {
  if (state?.stateId === undefined) return [];
  const filters = [`${label.stack}=${stack}`, `${label.state}=${state.stateId}`];
  const found = await client.listContainers({ all: true, filters: { label: filters } });
  const inspected = await Promise.all(
    found
      .filter(({ Labels: labels }) => label.service in labels || label.task in labels)
      // It may have gone meanwhile.
      .map(({ Id: id }) => client.getContainer(id).inspect().catch(ignoring(404))),
  );
  return inspected
    .filter((info) => info !== undefined)
    .map(memberOf)
    .sort((a, b) => a.container.localeCompare(b.container, "en", { numeric: true }));
}

type PortBindings = Record<string, { HostIp?: string; HostPort: string }[] | null>;

/** Reads what `docker inspect` says of a service's or task's container. */
export function memberOf(info: Docker.ContainerInspectInfo): Member {
  const { Labels: labels } = info.Config;
  const service = labels[label.service];
  const operations = labels[label.operations];
  const known = operations === undefined ? undefined : serviceOperationsSchema.safeParse(JSON.parse(operations)).data;
  const health = info.State.Health?.Status;
  const policy = info.HostConfig.RestartPolicy?.Name ?? "no";
  const healthOutput = (info.State.Health?.Log as { Output: string }[] | null | undefined)?.at(-1)?.Output;
  const bindings = info.HostConfig.PortBindings as PortBindings | null;
  return {
    kind: service === undefined ? "task" : "service",
    system: labels[label.system] ?? "",
    name: service ?? labels[label.task] ?? "",
    container: info.Name.replace(/^\//, ""),
    id: info.Id,
    image: labels[label.image] ?? info.Config.Image,
    state: info.State.Status,
    ...(health !== undefined && { health }),
    ...(healthOutput !== undefined && { healthOutput }),
    exitCode: info.State.ExitCode,
    startedAt: new Date(info.State.StartedAt),
    finishedAt: new Date(info.State.FinishedAt),
    restarts: info.RestartCount,
    // A start that failed, such as for a port that is taken, leaves an error.
    stopped: info.State.Status === "exited" && /^(?:always|unless-stopped)$/.test(policy) && info.State.Error === "",
    standby: label.standby in labels,
    ports: Object.entries(bindings ?? {}).flatMap(([port, hostPorts]) =>
      (hostPorts ?? []).map(({ HostIp: address, HostPort: hostPort }) => ({
        address: address ?? "0.0.0.0",
        hostPort: Number(hostPort),
        containerPort: Number.parseInt(port, 10),
      })),
    ),
    ...(known !== undefined && { operations: known }),
  };
}

/** Why a service or task is not as it should be, such as `unhealthy`; nothing when it is. */
export function complaint({ kind, state, health, exitCode, standby }: Member): string | undefined {
  if (standby && (state === "created" || state === "exited")) return undefined;
  if (kind === "task") {
    if (state !== "exited") return state === "running" ? "still running" : state;
    return exitCode === 0 ? undefined : `failed with exit code ${exitCode}`;
  }
  if (state !== "running") return state === "exited" ? `exited with code ${exitCode}` : state;
  return health === "healthy" ? undefined : (health ?? "without a health check");
}

/** Whether a service has started, but Docker has not decided yet whether it is healthy. */
export function isSettling({ kind, state, health }: Member): boolean {
  return kind === "service" && state === "running" && health === "starting";
}
