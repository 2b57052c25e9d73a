import { stat } from "node:fs/promises";
import type Docker from "dockerode";

import { camcopsConfigWarnings } from "./camcops-config-rule.ts";
import { hostPath } from "./camcops-files.ts";
import type { CamcopsSettings } from "./camcops.ts";
import { checkCertificate } from "./certificate-check.ts";
import { environments } from "./environment.ts";
import { portFindings, type Publication } from "./port-check.ts";
import { type Finding, type Problem, problem } from "./problems.ts";
import type { StackSettings } from "./stack.ts";

/** What the host says about a stack's settings. */
export interface Preflight {
  /** What makes a deployment fail. */
  problems: Problem[];
  /** What a deployment survives, but somebody should know. */
  warnings: string[];
}

/** Whose settings are checked. */
export interface PreflightStack {
  /** The stack's name. */
  stack: string;
  /** The labels that the stack's own containers carry: what they hold is not taken. */
  labels: Readonly<Record<string, string>>;
}

/** Checks a stack's settings against the host: Docker, ports, folders, certificates. Changes nothing. */
export async function preflight(
  settings: StackSettings,
  docker: Docker,
  { stack, labels }: PreflightStack,
): Promise<Preflight> {
  const isLocal = settings.host.startsWith("unix://");
  const unreachable = await dockerFindings(settings.host, docker);
  const { camcops } = settings;
  const ports =
    camcops === undefined || unreachable.length > 0
      ? []
      : await portFindings(publications(camcops), docker, labels, isLocal);
  const images = camcops === undefined ? [] : imageFindings(camcops);
  const files = camcops === undefined || !isLocal ? { findings: [], warnings: [] } : await fileFindings(camcops);
  return {
    problems: [...unreachable, ...ports, ...images, ...files.findings].map((finding) => problem(stack, finding)),
    warnings: [
      ...hostWarnings(settings.host),
      ...files.warnings,
      ...(camcops === undefined ? [] : camcopsWarnings(settings, camcops)),
    ],
  };
}

async function dockerFindings(host: string, docker: Docker): Promise<Finding[]> {
  try {
    await docker.ping();
    return [];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isForbidden = code === "EACCES";
    const reason = isForbidden ? "you are not in the docker group" : message;
    return [
      {
        key: "host",
        value: host,
        message: `must be a Docker engine that answers, but does not: ${reason}`,
        remedy: isForbidden
          ? [{ advice: "sudo usermod -aG docker $USER   # then log out and in again" }]
          : host === "unix:///var/run/docker.sock"
            ? [{ advice: "sudo service docker start" }]
            : [{ set: "host", value: "unix:///var/run/docker.sock" }],
      },
    ];
  }
}

/** Docker's plain TCP port knows neither encryption nor passwords: https://docs.docker.com/engine/security/protect-access/. */
function hostWarnings(host: string): string[] {
  if (!host.startsWith("tcp://") || isLoopback(new URL(host).hostname)) return [];
  return [`host: ${host} is reached unencrypted: whoever listens on the way reads every secret. Use ssh://user@host.`];
}

function isLoopback(address: string): boolean {
  return address === "localhost" || address.startsWith("127.") || address === "::1" || address === "[::1]";
}

/** The registry that the examples of stack files name; nobody can have it (RFC 2606). */
const exampleRegistry = "registry.example.org";

function imageFindings({ images, mysql }: CamcopsSettings): Finding[] {
  const pulled = {
    camcops: images.camcops,
    mysql: mysql.container ? images.mysql : undefined,
    rabbitmq: images.rabbitmq,
  };
  return Object.entries(pulled).flatMap(([image, reference]) => {
    if (reference?.startsWith(`${exampleRegistry}/`) !== true) return [];
    const key = `camcops.images.${image}`;
    return [
      {
        key,
        value: reference,
        message: `must name an image of your registry, but ${exampleRegistry} is the example's`,
        remedy: [{ set: key, value: `<your registry>/${image}@sha256:<digest>` }],
      },
    ];
  });
}

function publications(camcops: CamcopsSettings): Publication[] {
  const { mysql, flower } = camcops;
  const of = (key: string, { hostAddress, hostPort }: { hostAddress: string; hostPort: number }): Publication => ({
    portKey: `${key}.hostPort`,
    addressKey: `${key}.hostAddress`,
    address: hostAddress,
    port: hostPort,
  });
  return [
    of("camcops", camcops),
    ...(mysql.container ? [of("camcops.mysql", mysql)] : []),
    of("camcops.flower", flower),
  ];
}

async function fileFindings({ configDirectory, certificate, https }: CamcopsSettings) {
  // Below /host_mnt lie the folders of a Windows host, which only Docker Desktop's engine sees.
  if (configDirectory === undefined || configDirectory.startsWith("/host_mnt/")) return { findings: [], warnings: [] };
  const key = "camcops.configDirectory";
  const isFolder = await stat(configDirectory).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    const message = "must be an existing folder of the host";
    const remedy = [{ advice: `sudo mkdir -p ${configDirectory}` }];
    return { findings: [{ key, value: configDirectory, message, remedy }], warnings: [] };
  }
  if (!https || certificate.kind === "self-signed") return { findings: [], warnings: [] };
  const file = (name: "certificate" | "privateKey") => ({
    key: `camcops.certificate.${name}`,
    value: certificate[name],
    path: hostPath(certificate[name], configDirectory),
  });
  return await checkCertificate(file("certificate"), file("privateKey"));
}

function camcopsWarnings({ environment }: StackSettings, camcops: CamcopsSettings): string[] {
  const { https, hostAddress, certificate, config } = camcops;
  return [
    ...(https && certificate.kind === "self-signed" && !environments[environment].selfSignedIsFit
      ? [
          `camcops.certificate: is self-signed, which is not fit for ${environment}: browsers cannot tell it from a forged one.`,
        ]
      : []),
    ...(!https && !isLoopback(hostAddress)
      ? [
          `camcops.https: is false, and ${hostAddress} is reachable from elsewhere: passwords travel unencrypted. Set camcops.hostAddress to 127.0.0.1.`,
        ]
      : []),
    ...camcopsConfigWarnings(config),
  ];
}
