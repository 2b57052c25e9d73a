import { stringify } from "yaml";

/** Where agents and clients find Crossbar. */
export interface Hub {
  /** Address of the websocket, such as `ws://crossbar:8001/ws`. */
  wampServer: string;
  /** Address of the bridge from HTTP, such as `http://crossbar:8001/call`. */
  wampHttp: string;
  realm: string;
  /** What all agents' addresses begin with. */
  addressRoot: string;
  /** Instance id of the registry agent. */
  registryId: string;
}

/** One agent as a site configuration file lists it. */
export interface AgentInstance {
  /** The host name under which it is listed. */
  hostname: string;
  instanceId: string;
  agentClass: string;
  arguments: (string | number | boolean)[];
}

/**
 * The text of a site configuration file, `default.yaml`.
 *
 * Source: `SiteConfig.from_dict` in ocs/site_config.py of OCS 0.12.1.
 */
export function siteConfig(hub: Hub, agents: readonly AgentInstance[]): string {
  const hostnames = [...new Set(agents.map(({ hostname }) => hostname))];
  return stringify({
    hub: {
      wamp_server: hub.wampServer,
      wamp_http: hub.wampHttp,
      wamp_realm: hub.realm,
      address_root: hub.addressRoot,
      registry_address: `${hub.addressRoot}.${hub.registryId}`,
    },
    hosts: Object.fromEntries(
      hostnames.map((name) => [
        name,
        {
          "agent-instances": agents
            .filter(({ hostname }) => hostname === name)
            .map(({ instanceId, agentClass, arguments: args }) => ({
              "agent-class": agentClass,
              "instance-id": instanceId,
              arguments: args,
            })),
        },
      ]),
    ),
  });
}
