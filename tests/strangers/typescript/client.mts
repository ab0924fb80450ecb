// A backend that trusts the description of the API: it is compiled with the types made from it, and then run.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Verification = components["schemas"]["Verification"];

const [baseUrl, key, to, code] = process.argv.slice(2) as [string, string, string, string];
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

async function check(id: string, code: string): Promise<Verification | string> {
  const { data, error } = await client.POST("/v1/verifications/{id}/check", { params: { path: { id } }, body: { code } });
  return data ?? `${error.code}, ${error.attempts_left} left`;
}

const created = await client.POST("/v1/verifications", { body: { to, locale: "de", metadata: { cart: "77" } } });
if (!created.data) throw new Error(created.error.detail);
const { id } = created.data;
console.log(await check(id, code === "000000" ? "000001" : "000000"));

const verified = await check(id, code);
if (typeof verified === "string") throw new Error(verified);
console.log(verified.status, verified.metadata?.["cart"], verified.proof ? "with a proof" : "without a proof");

const refused = await client.POST("/v1/verifications", { body: { to: "12345" } });
console.log(refused.error?.code, refused.error?.errors?.[0]?.pointer);
