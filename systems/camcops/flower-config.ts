/** Flower's configuration, a Python file: every page asks for this name and password. */
export function flowerConfig({ username, password }: { username: string; password: string }): string {
  return [`address = "0.0.0.0"`, `port = 5555`, `basic_auth = [${JSON.stringify(`${username}:${password}`)}]`, ""].join(
    "\n",
  );
}
