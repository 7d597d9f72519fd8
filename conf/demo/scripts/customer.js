// A preMap hook: one element per record, {data} goes on, {errors} fails it.
function preMap (options) {
  return options.data.map(function (record) {
    if (!record.customer) {
      return { errors: [{ code: 'no_customer', message: 'the shop has no customer ' + record.customerId }] }
    }
    record.customer.email = record.customer.email.toLowerCase()
    return { data: record }
  })
}
