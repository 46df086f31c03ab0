"""Reports for people: the KPIs as words, as a page with charts.

measures   what each KPI is called, its unit, its value as text
charts     lines and bars as SVG
page       one HTML file that needs nothing else
"""
