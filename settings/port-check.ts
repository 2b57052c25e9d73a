import { createServer } from "node:net";
import type Docker from "dockerode";

import { overlap } from "./fields.ts";
import type { Finding } from "./problems.ts";

/** A port of the host that the settings want for a service. */
export interface Publication {
  /** The settings' names, such as `camcops.hostPort`. */
  portKey: string;
  addressKey: string;
  address: string;
  port: number;
}

/** The publication of a group of settings that has an address and a port, such as `camcops.mysql`. */
export function publication(
  group: string,
  { hostAddress, hostPort }: { hostAddress: string; hostPort: number },
): Publication {
  return { portKey: `${group}.hostPort`, addressKey: `${group}.hostAddress`, address: hostAddress, port: hostPort };
}

/**
 * Finds the ports that somebody else holds. A port of a container that carries all labels in `own` is the stack's
 * already. Processes other than containers are seen when the engine runs on this machine (`isLocal`).
 */
export async function portFindings(
  publications: readonly Publication[],
  docker: Docker,
  own: Readonly<Record<string, string>>,
  isLocal: boolean,
): Promise<Finding[]> {
  const containers = await docker.listContainers();
  const findings = publications.map(async (publication): Promise<Finding[]> => {
    const holder = await portHolder(publication, containers, own, isLocal);
    if (holder !== undefined) return [taken(publication, holder)];
    return isLocal ? await addressFindings(publication) : [];
  });
  return (await Promise.all(findings)).flat();
}

/**
 * Who else listens on a port of the host, as in "the container x listens on it"; undefined: nobody does.
 *
 * @param containers those that run
 */
export async function portHolder(
  { address, port }: Pick<Publication, "address" | "port">,
  containers: readonly Docker.ContainerInfo[],
  own: Readonly<Record<string, string>>,
  isLocal: boolean,
): Promise<string | undefined> {
  const container = containers.find(({ Ports }) =>
    Ports.some(({ IP, PublicPort }) => PublicPort === port && overlap(IP, address)),
  );
  if (container !== undefined) {
    const isOwn = Object.entries(own).every(([name, value]) => container.Labels[name] === value);
    return isOwn ? undefined : `the container ${container.Names.join(", ").replaceAll("/", "")} listens on it`;
  }
  return isLocal && (await bindError(address, port)) === "EADDRINUSE"
    ? `a process of the host listens on it (sudo ss -ltnp 'sport = :${port}' names it)`
    : undefined;
}

function taken({ portKey, address, port }: Publication, holder: string): Finding {
  return {
    key: portKey,
    value: port,
    message: `must be a port of ${address} that is free, but ${holder}`,
    remedy: [{ set: portKey, value: String(port < 57535 ? port + 8000 : port - 8000) }],
  };
}

async function addressFindings({ addressKey, address, port }: Publication): Promise<Finding[]> {
  if ((await bindError(address, port)) !== "EADDRNOTAVAIL") return [];
  return [
    {
      key: addressKey,
      value: address,
      message: "must be an address of this host, or 0.0.0.0 for all of them",
      remedy: [{ set: addressKey, value: "127.0.0.1" }],
    },
  ];
}

/** Finds out by listening. Missing privileges are no obstacle: Docker has them. */
async function bindError(address: string, port: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code);
    });
    server.listen({ host: address, port, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
