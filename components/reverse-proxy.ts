import * as pulumi from "@pulumi/pulumi";
import type { Certificate } from "./certificate.ts";
import type { Mount } from "./container.ts";
import { FileVolume } from "./file-volume.ts";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import { nginxConfig, nginxHealthPort, nginxPort, type NginxRoute, type TlsFiles } from "./nginx-config.ts";
import { Service, type ServiceTerms } from "./service.ts";
import { socketFolder, type SocketVolume } from "./socket-volume.ts";
import type { Volume } from "./volume.ts";

/** The user that nginx runs as, in the official image and in `images/nginx`. */
const nginxUser = 101;

const configFolder = "/run/nginx";

export interface ProxyRoute extends Omit<NginxRoute, "to"> {
  /**
   * A service by its name on one of `networks`, and its port, such as `http://web:8000`; by its socket in a volume that it
   * shares; or a volume's files.
   */
  to: { upstream: string } | { sockets: SocketVolume; socket: string } | { files: Volume };
}

/** A certificate with its key: one that the stack made, or files of the host that mounts show. */
export type TlsSource =
  | Pick<Certificate, "certificatePem" | "privateKeyPem">
  | (TlsFiles & {
      mounts: Mount[];
      /** Of the certificate, if it can be read here: another one starts nginx anew. */
      fingerprint: string | undefined;
    });

export interface ReverseProxyArgs extends ServiceTerms {
  host: Host;
  system: string;
  service: string;
  containerName: string;
  /** nginx, with the contract of its official image. */
  image: Image;
  /** Where the services are that it hands requests on to. */
  networks: Network[];
  /** Where it listens on the host, through an edge network of its own. */
  published: { network: Network; address: string; hostPort: number };
  routes: ProxyRoute[];
  /** With it, nginx speaks HTTPS and nothing else. @default plain HTTP */
  tls?: TlsSource | undefined;
  /** Who nginx runs as, as numbers: whoever may read the key. @default its image's own user */
  user?: { userId: number; groupId: number };
}

/**
 * An nginx in front of a system's services, which it also spares the delivery of files. A renewed certificate replaces it
 * alone. A service that it reaches by a socket can be replaced without an interruption.
 */
export class ReverseProxy extends pulumi.ComponentResource {
  constructor(name: string, args: ReverseProxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:ReverseProxy", name, {}, opts);
    const { host, system, service, containerName, image, published, tls, memory, cpus, restart, logs, timeZone } = args;
    const { userId, groupId } = args.user ?? { userId: nginxUser, groupId: nginxUser };
    const child = { parent: this };
    const mounts = args.routes.flatMap(({ path, to }): Mount[] => {
      if ("upstream" in to) return [];
      return "files" in to
        ? [{ source: to.files, target: staticFolder(path), readOnly: true }]
        : [{ source: to.sockets, target: socketFolder, readOnly: true }];
    });
    const routes = args.routes.map(({ to, ...route }): NginxRoute => {
      if ("files" in to) return { ...route, to: { folder: staticFolder(route.path) } };
      return { ...route, to: "upstream" in to ? to : { upstream: `http://unix:${socketFolder}/${to.socket}` } };
    });
    const config = new FileVolume(
      `${name}-files`,
      {
        host,
        system,
        carrierName: `${containerName}-files`,
        image,
        userId,
        groupId,
        files: { "nginx.conf": nginxConfig(routes, tls && tlsFiles(tls)), ...(tls && madeFiles(tls)) },
      },
      child,
    );
    new Service(
      `${name}-service`,
      {
        host,
        system,
        service,
        containerName,
        image,
        command: ["nginx", "-c", `${configFolder}/nginx.conf`, "-g", "daemon off;"],
        files: [{ volume: config, target: configFolder }],
        mounts: [...mounts, ...(tls && "mounts" in tls ? tls.mounts : [])],
        ...(tls &&
          "mounts" in tls &&
          tls.fingerprint !== undefined && { environment: { CERTIFICATE_FINGERPRINT: tls.fingerprint } }),
        networks: [...args.networks, published.network].map((network) => ({ network, aliases: [service] })),
        ports: [{ address: published.address, hostPort: published.hostPort, containerPort: nginxPort }],
        userId,
        groupId,
        memory,
        cpus,
        restart,
        logs,
        timeZone,
        stopSignal: "SIGQUIT",
        healthCheck: {
          command: [
            "bash",
            "-c",
            `exec 3<>/dev/tcp/127.0.0.1/${nginxHealthPort}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; grep --quiet ' 204 ' <&3`,
          ],
          intervalSeconds: 3,
          startPeriodSeconds: 60,
        },
        operations: { version: 1, shell: ["bash"] },
      },
      child,
    );
    this.registerOutputs({});
  }
}

function staticFolder(path: string): string {
  return `/srv${path.slice(0, -1)}`;
}

function tlsFiles(tls: TlsSource): TlsFiles {
  return "mounts" in tls ? tls : { certificate: `${configFolder}/tls.crt`, privateKey: `${configFolder}/tls.key` };
}

function madeFiles(tls: TlsSource): Record<string, pulumi.Input<string>> {
  return "mounts" in tls ? {} : { "tls.crt": tls.certificatePem, "tls.key": tls.privateKeyPem };
}
