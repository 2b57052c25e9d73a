import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type Docker from "dockerode";

import { isLoopback, overlap } from "./fields.ts";
import type { FileFindings, Finding } from "./problems.ts";

/** A server outside the stack that its containers use, and that may run on the Docker host itself. */
export interface OutsideServer {
  /** The setting that names it, such as `camcops.mysql.server`. */
  key: string;
  /** Its name or address, as containers use it. */
  server: string;
  port: number;
}

/** By what name containers reach their host. */
const dockerHost = "host.docker.internal";

/** The tables of TCP sockets that Linux shows, of IPv4 and IPv6. */
const socketTables = ["/proc/net/tcp", "/proc/net/tcp6"];

/**
 * Finds servers that run on this machine and listen where no container reaches them: in a container, the loopback
 * addresses are the container's own.
 */
export async function hostServerFindings(servers: readonly OutsideServer[], docker: Docker): Promise<FileFindings> {
  const own = new Set(Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)));
  const onHost = servers.filter(({ server }) => server === dockerHost || own.has(server));
  if (onHost.length === 0 || (await isDesktop(docker))) return { findings: [], warnings: [] };
  const gateway = await gatewayOf(docker);
  const sockets = socketTables.map(readTable).join("\n");
  const result: FileFindings = { findings: [], warnings: [] };
  for (const server of onHost) {
    const listeners = listenersOn(server.port, sockets);
    const address = server.server === dockerHost ? gateway : server.server;
    if (listeners.length === 0) {
      result.warnings.push(`${server.key}: nothing listens on port ${server.port} of this host yet.`);
    } else if (!listeners.some((listener) => isReached(listener, address))) {
      result.findings.push(unreached(server, listeners, address));
    }
  }
  return result;
}

function isReached(listener: string, address: string | undefined): boolean {
  return address === undefined ? !isLoopback(listener) : overlap(listener, address);
}

function unreached({ key, server, port }: OutsideServer, listeners: readonly string[], address = "0.0.0.0"): Finding {
  const elsewhere = listeners.find((listener) => !isLoopback(listener));
  return {
    key,
    value: server,
    message:
      `must be a server that containers reach, at ${address}, but what listens on port ${port} of this host does so on ` +
      `${listeners.join(" and ")} only`,
    remedy: [
      {
        advice: `bind-address = ${address}   # in the server's own configuration, section [mysqld]; then restart it and let its firewall pass port ${port}`,
      },
      ...(elsewhere === undefined ? [] : [{ set: key, value: elsewhere }]),
    ],
  };
}

/** Docker Desktop's containers reach the host's loopback addresses, too. */
async function isDesktop(docker: Docker): Promise<boolean> {
  const info = (await docker.info().catch(() => undefined)) as { OperatingSystem?: string } | undefined;
  return info?.OperatingSystem?.includes("Docker Desktop") === true;
}

/**
 * The address that Docker gives `host.docker.internal` on Linux: that of the host on the network `bridge`. Where Docker
 * does not say it, it is the first of the network.
 */
export async function gatewayOf(docker: Docker): Promise<string | undefined> {
  const bridge = (await docker
    .getNetwork("bridge")
    .inspect()
    .catch(() => undefined)) as { IPAM?: { Config?: { Gateway?: string; Subnet?: string }[] } } | undefined;
  const config = bridge?.IPAM?.Config?.find(({ Subnet: subnet }) => subnet?.includes(".") === true);
  return config?.Gateway ?? config?.Subnet?.replace(/\d+\/\d+$/, (last) => String(Number.parseInt(last, 10) + 1));
}

function readTable(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** The addresses on which something listens on a port, from the text of `/proc/net/tcp` and `/proc/net/tcp6` (proc(5)). */
export function listenersOn(port: number, sockets: string): string[] {
  const listening = "0A";
  const found = [...sockets.matchAll(/^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /gm)].flatMap(
    ([, address = "", hexPort = "", state]) =>
      state === listening && Number.parseInt(hexPort, 16) === port ? [addressOf(address)] : [],
  );
  return [...new Set(found)].sort();
}

/** An address of those tables: 32-bit words in the machine's byte order, which is little-endian on all that are supported. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex")].reverse());
  const isMapped = bytes.length === 16 && bytes.slice(0, 12).join() === "0,0,0,0,0,0,0,0,0,0,255,255";
  if (bytes.length === 4 || isMapped) return bytes.slice(-4).join(".");
  if (bytes.every((byte) => byte === 0)) return "::";
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  return groups.slice(0, 7).every((group) => group === 0)
    ? `::${(groups[7] ?? 0).toString(16)}`
    : groups.map((group) => group.toString(16)).join(":");
}
