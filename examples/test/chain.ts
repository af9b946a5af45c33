import type { Contract, ContractTransactionResponse, Signer } from "ethers";

/** `contract` as `account` calls it. */
export const by = (account: Signer, contract: Contract) => contract.connect(account) as Contract;

/** The receipt of a transaction. */
export const mined = async (sent: Promise<ContractTransactionResponse>) => (await (await sent).wait())!;
