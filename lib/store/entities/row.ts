import type { EntitySchemaWithMeta, InferKyselyTable } from '@mikro-orm/sqlite'

type Selected<Column> = Column extends { readonly __select__: infer Value } ? Value : Column

/** A whole row of an entity's table, as the query builder reads it. */
export type Row<Schema extends EntitySchemaWithMeta> = {
  [Column in keyof InferKyselyTable<Schema>]: Selected<InferKyselyTable<Schema>[Column]>
}
