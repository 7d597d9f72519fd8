// The far end "shop": customers and orders, behind a token of its own.
var CUSTOMERS = [
  { id: '9007199254740993', firstName: 'Ada', lastName: 'Lovelace', email: 'Ada@Example.com', creditLimit: 1500.50 },
  { id: '1002', firstName: 'Charles', lastName: 'Babbage', email: 'Charles@Example.com', creditLimit: 19.90 }
]

function order (id, total, state) {
  return { id: id, state: state, email: 'ada@example.com', total: total, lines: [{ sku: 'sku-' + id, quantity: 1 }] }
}

var PAGES = [
  [order(5001, 19.90, 'paid'), order(5002, 120, 'paid'), order(5003, 7.05, 'draft')],
  [order(5004, 64.25, 'paid'), order(5005, 1.005, 'paid')]
]

function customers (options) {
  var found = CUSTOMERS.filter(function (c) { return c.id === options.queryString.id })
  return { statusCode: 200, body: { customers: found } }
}

function orders (options) {
  var page = Number(options.queryString.page || 1)
  var headers = page < PAGES.length ? { Link: '</shop/orders?page=' + (page + 1) + '>; rel="next"' } : {}
  return { statusCode: 200, headers: headers, body: { orders: PAGES[page - 1] || [] } }
}

function handleRequest (options) {
  if (options.headers['x-shop-token'] !== 'demo-shop-token') {
    return { statusCode: 401, body: { message: 'who are you?' } }
  }
  if (options.path === '/customers') {
    return customers(options)
  }
  if (options.path === '/orders') {
    return orders(options)
  }
  return { statusCode: 404, body: { message: 'no ' + options.path } }
}
