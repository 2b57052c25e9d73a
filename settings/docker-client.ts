import Docker from "dockerode";

/**
 * A client for the Docker engine at a `DOCKER_HOST` URL: `unix:///path`, `tcp://host:port` or `ssh://user@host`.
 *
 * @throws Error when the URL has another scheme.
 */
export function dockerClient(url: string): Docker {
  const { protocol, hostname, port, pathname, username } = new URL(url);
  switch (protocol) {
    case "unix:":
      return new Docker({ socketPath: pathname });
    case "tcp:":
      return new Docker({ protocol: "http", host: hostname, port: Number(port || 2375) });
    case "ssh:": {
      const agent = process.env["SSH_AUTH_SOCK"];
      return new Docker({
        protocol: "ssh",
        host: hostname,
        port: Number(port || 22),
        username,
        ...(agent !== undefined && { sshOptions: { agent } }),
      });
    }
    default:
      throw new Error(`"${url}" is not a Docker host. Allowed: unix:///path, tcp://host:port, ssh://user@host.`);
  }
}
