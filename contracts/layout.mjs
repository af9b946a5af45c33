// The storage layout of upgradeable contracts: what each ERC-7201 namespace holds, the structs in it,
// and plain state variables, of which there should be none: an upgrade would move them. The compiler
// lays out those only, so one is made of each namespace.
const TAG = /@custom:storage-location (erc7201:\S+)/;

// layouts returns {contract: {namespace, struct or "state variables": ["slot+offset type name", ...]}}
// for the named contracts of a finished compilation.
export function layouts(names, compile, input, output) {
  const found = Object.fromEntries(names.map((name) => [name, namespaces(name, output)]));
  const source = Object.entries(found).map(([name, list]) => probe(name, list)).join("\n");
  const sources = { ...input.sources, "layouts.sol": { content: `pragma solidity ^0.8.24;\n${source}` } };
  const settings = { ...input.settings, outputSelection: { "layouts.sol": { "*": ["storageLayout"] } } };
  const probes = compile({ ...input, sources, settings }).contracts["layouts.sol"];
  const layout = (name) => ({ "state variables": plain(name, output), ...describe(found[name], probes[`Layout${name}`].storageLayout) });
  return Object.fromEntries(names.map((name) => [name, layout(name)]));
}

// plain lists the state variables of a contract and its bases that stand in no namespace.
function plain(name, output) {
  const contract = Object.values(output.contracts).find((file) => file[name])[name];
  const { storage, types } = contract.storageLayout;
  return members(storage, types);
}

const members = (list, types) => list.map((m) => `${m.slot}+${m.offset} ${types[m.type].label} ${m.label}`);

// namespaces lists the namespaces of a contract and its bases, in order of name.
function namespaces(name, output) {
  const contracts = new Map();
  for (const [path, { ast }] of Object.entries(output.sources)) {
    for (const node of ast.nodes) if (node.nodeType === "ContractDefinition") contracts.set(node.id, { path, node });
  }
  const { node } = [...contracts.values()].find(({ node }) => node.name === name);
  const list = node.linearizedBaseContracts.flatMap((id) => {
    const base = contracts.get(id);
    return base.node.nodes.filter((n) => n.nodeType === "StructDefinition" && TAG.test(n.documentation?.text))
      .map((n) => ({ path: base.path, contract: base.node.name, struct: n.name, namespace: TAG.exec(n.documentation.text)[1] }));
  });
  return list.sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
}

// probe is a contract with a state variable for each namespace.
function probe(name, list) {
  const imports = list.map((n, i) => `import {${n.contract} as ${name}${i}} from "${n.path}";`);
  const variables = list.map((n, i) => `${name}${i}.${n.struct} internal n${i};`);
  return `${imports.join("\n")}\ncontract Layout${name} { ${variables.join(" ")} }`;
}

function describe(list, { storage, types }) {
  const inside = (id) => members(types[id].members, types);
  const out = Object.fromEntries(storage.map((v, i) => [list[i].namespace, inside(v.type)]));
  const own = new Set(storage.map((v) => v.type));
  for (const id of Object.keys(types ?? {}).sort()) {
    if (types[id].members && !own.has(id)) out[types[id].label] = inside(id);
  }
  return out;
}
