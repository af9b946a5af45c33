import type { BytesLike } from "ethers";
import type { BaseContract, ContractTransactionResponse, Overrides } from "ethers";

type Sent = Promise<ContractTransactionResponse>;

/** What the tests call of the token. */
export interface Token extends BaseContract {
  connect(runner: Parameters<BaseContract["connect"]>[0]): Token;
  confidentialBalanceOf(account: string): Promise<string>;
  confidentialTotalSupply(): Promise<string>;
  publishedTotalSupply(): Promise<bigint>;
  mint(to: string, amount: BytesLike, proof: BytesLike): Sent;
  transfer(to: string, amount: BytesLike, proof: BytesLike, overrides?: Overrides): Sent;
  approve(spender: string, amount: BytesLike, proof: BytesLike): Sent;
  requestTotalSupply(): Sent;
  finalizeTotalSupply(value: bigint, proof: BytesLike): Sent;
}
