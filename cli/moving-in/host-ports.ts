import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import { portHolder } from "../../settings/port-check.ts";
import { valueAt } from "../../settings/path.ts";
import { fieldAt, stackFields } from "../../settings/schema.ts";
import { localSocket } from "../../toolchain/docker.js";
import { dockerHost, type Site } from "../site.ts";
import { mistake, type Answers, type Asked } from "./questions.ts";

/** What is known of the ports of the host that a new stack is to publish. */
export interface HostPorts {
  /** Who else listens on the port that would answer a question, as in "the container x listens on it"; undefined: nobody. */
  holder: (question: Asked, port: number, answers: Answers) => Promise<string | undefined>;
  /** A port near to one that is taken, on which nobody listens. */
  free: (question: Asked, taken: number, answers: Answers) => Promise<number>;
}

/** Whether the answer to a question is a port of the host that the stack publishes. */
export function isHostPort({ path }: Asked, answers: Answers): boolean {
  return path.at(-1) === "hostPort" && valueAt(answers, [...path.slice(0, -1), "container"]) !== false;
}

/**
 * Looks at the ports of a stack's host.
 *
 * @param docker absent where Docker does not answer: then only what listens on this machine is seen
 */
export async function hostPorts(site: Site, docker: Docker | undefined): Promise<HostPorts> {
  const containers = (await docker?.listContainers()) ?? [];
  const isLocal = localSocket(dockerHost(site)) !== undefined;
  const fields = stackFields();
  const holder: HostPorts["holder"] = ({ path }, port, answers) => {
    const addressPath = [...path.slice(0, -1), "hostAddress"];
    const address = valueAt(answers, addressPath) ?? fieldAt(fields, addressPath, answers)?.default;
    return portHolder(
      { address: typeof address === "string" ? address : "0.0.0.0", port },
      containers,
      { [label.stack]: site.stack },
      isLocal,
    );
  };
  return {
    holder,
    async free(question, taken, answers) {
      const from = taken < 57_000 ? taken + 8000 : taken - 8000;
      for (let port = from; port < from + 100; port += 1) {
        if (mistake(answers, question.path, port) !== undefined) continue;
        if ((await holder(question, port, answers)) === undefined) return port;
      }
      return from;
    },
  };
}
