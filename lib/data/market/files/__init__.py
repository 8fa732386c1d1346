"""Price files that people have: text to cells, layout, columns, numbers and days; ``csv_prices.read`` does it all."""
