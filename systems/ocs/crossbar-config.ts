/** What distinguishes one Crossbar from another. */
export interface CrossbarConfigArgs {
  realm: string;
  /** What all agents' addresses begin with. */
  addressRoot: string;
  /** Port in the container. */
  port: number;
}

/**
 * Crossbar's configuration for OCS: a websocket for agents at `/ws`, and a bridge from HTTP for clients at `/call`.
 *
 * Source: docker/crossbar/config.json.template of OCS 0.12.1. On top of that, a client may ask how many sessions there
 * are, which is how Crossbar's own health is found out, and `/info` says which Crossbar it is.
 */
export function crossbarConfig({ realm, addressRoot, port }: CrossbarConfigArgs): string {
  const role = (name: string, register: boolean) => ({
    name,
    permissions: [
      {
        uri: `${addressRoot}.`,
        match: "prefix",
        allow: { call: true, register, publish: true, subscribe: true },
        disclose: { caller: false, publisher: false },
        cache: true,
      },
      ...(register ? [] : [{ uri: "wamp.session.count", match: "exact", allow: { call: true } }]),
    ],
  });
  const config = {
    version: 2,
    controller: {},
    workers: [
      {
        type: "router",
        realms: [{ name: realm, roles: [role("iocs_agent", true), role("iocs_controller", false)] }],
        transports: [
          {
            type: "web",
            endpoint: { type: "tcp", port },
            paths: {
              ws: {
                type: "websocket",
                auth: { anonymous: { type: "static", role: "iocs_agent" } },
                options: {
                  open_handshake_timeout: 2500,
                  close_handshake_timeout: 1000,
                  auto_ping_interval: 10_000,
                  auto_ping_timeout: 5000,
                  // Crossbar 26 takes no less.
                  auto_ping_size: 12,
                },
              },
              call: { type: "caller", realm, role: "iocs_controller", options: {} },
              info: { type: "nodeinfo" },
            },
          },
        ],
      },
    ],
  };
  return JSON.stringify(config, undefined, 2);
}
